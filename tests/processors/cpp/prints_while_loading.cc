// Prints while it loads, without a newline at the end.
#include <stdio.h>
extern "C" void* initialize(const char*, const char*, int* state) {
  printf("loading half");
  fprintf(stderr, "loading on stderr\n");
  return *state = 0, nullptr;
}
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
