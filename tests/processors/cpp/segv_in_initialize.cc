// Crashes while it loads.
#include <stdlib.h>
extern "C" void* initialize(const char*, const char*, int*) {
  *reinterpret_cast<volatile int*>(atol("16")) = 1;
  return nullptr;
}
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
