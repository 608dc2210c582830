// Ends the process.
#include <cstdlib>

static void check(int size) {
  if (size < 100) std::exit(3);
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int size, void**, int*) {
  check(size);
  return 200;
}
