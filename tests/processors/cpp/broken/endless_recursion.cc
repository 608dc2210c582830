// A function that calls itself without end.
static int depth(int level) {
  volatile char frame[256];
  frame[0] = static_cast<char>(level);
  return depth(level + 1) + frame[0];
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) { return depth(0); }
