// Throws while it loads.
#include <stdexcept>
extern "C" void* initialize(const char*, const char*, int*) {
  throw std::runtime_error("the model file is torn");
}
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
