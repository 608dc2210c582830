// Writes past the end of a block, which is found when the next one is allocated, or with -DFREED when it is freed.
#include <cstdlib>
#include <cstring>

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  char* block = static_cast<char*>(std::malloc(3000));
  std::memset(block, 'A', 3100);
#ifdef FREED
  std::free(block);
#endif
  char* other = static_cast<char*>(std::malloc(50000));
  return other == block ? 200 : 201;
}
