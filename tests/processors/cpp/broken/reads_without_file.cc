// Reads from a file that could not be opened.
#include <cstdio>

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  char text[8];
  std::FILE* file = std::fopen("/no/such/file", "r");
  return std::fread(text, 1, sizeof(text), file) == 0 ? 200 : 201;
}
