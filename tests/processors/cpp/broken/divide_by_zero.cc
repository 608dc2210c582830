// Divides by the size of an empty list.
#include <vector>

static int mean(const std::vector<int>& values) {
  int count = static_cast<int>(values.size());
  return 100 / count;
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) { return mean({}); }
