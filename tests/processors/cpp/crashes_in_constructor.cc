// Crashes inside dlopen, in the constructor of a global.
#include <stdlib.h>
static int Crash() { return *reinterpret_cast<volatile int*>(atol("16")); }
int crashed = Crash();
extern "C" void* initialize(const char*, const char*, int* state) { return *state = 0, nullptr; }
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
