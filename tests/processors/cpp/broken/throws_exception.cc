// Throws below `process`.
#include <stdexcept>

static int parse(int size) {
  if (size < 100) throw std::runtime_error("the input is too short");
  return size;
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int size, void**, int*) { return parse(size); }
