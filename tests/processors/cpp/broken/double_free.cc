// Frees a block twice.
#include <cstdlib>

static void release(void* block) { std::free(block); }

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  void* block = std::malloc(100);
  release(block);
  release(block);
  return 200;
}
