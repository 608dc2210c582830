// Linked against a library that is removed afterwards; see the Makefile.
#include "eas/processor.h"

extern "C" int from_the_missing_library();

void* initialize(const char*, const char*, int* state) {
  *state = from_the_missing_library();
  return nullptr;
}

int process(void*, const void*, int, void**, int*) { return 0; }
