// Throws while it loads, and says more about it than any pipe holds.
#include <stdexcept>
#include <string>
extern "C" void* initialize(const char*, const char*, int*) {
  throw std::runtime_error("the model file is torn: " + std::string(3000000, 'x'));
}
extern "C" int process(void*, const void*, int, void**, int*) { return 200; }
