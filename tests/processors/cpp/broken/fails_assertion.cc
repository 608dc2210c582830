// Expects another input.
#include <cassert>

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int size, void**, int*) {
  assert(size == 3);
  return 200;
}
