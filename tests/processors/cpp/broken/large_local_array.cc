// A local array that is larger than any stack.
#include <cstring>

static int average() {
  char pixels[1 << 28];
  std::memset(pixels, 1, sizeof(pixels));
  return pixels[17];
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) { return average(); }
