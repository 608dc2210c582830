// Asks a vector for an element that it has not.
#include <vector>

static int last(const std::vector<int>& values) { return values.at(values.size()); }

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) { return last({1, 2, 3}); }
