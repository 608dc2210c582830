// Needs libbeside.so, found through -rpath=. in the entry's folder only. Built a second time for the test where it is missing.
#include <stdlib.h>
#include <string.h>
extern "C" const char* beside_says();
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 0, nullptr; }
extern "C" int process(void*, const void*, int, void** output, int* size) {
  *output = strdup(beside_says());
  *size = static_cast<int>(strlen(beside_says()));
  return 200;
}
