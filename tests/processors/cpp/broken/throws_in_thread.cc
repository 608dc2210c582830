// A thread of the processor throws, and nobody can catch that.
#include <stdexcept>
#include <thread>

static void load() { throw std::runtime_error("no such model"); }

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void*, int, void**, int*) {
  std::thread(load).join();
  return 200;
}
