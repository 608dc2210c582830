// Writes past the end of a local buffer, over the return address.
#include <cstring>

static void copy(char* to, const char* from, int size) { std::memcpy(to, from, size); }

static int parse(const char* input, int size) {
  char name[16];
  copy(name, input, size);
  return name[0];
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void**, int*) {
  return parse(static_cast<const char*>(input), size);
}
