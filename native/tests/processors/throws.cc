// Throws in both functions, from a function that is not exported. Also built with a runtime of its own
// (-static-libstdc++ -static-libgcc), as processors that must run anywhere are.
#include <stdexcept>
#include <string>

#include "eas/processor.h"

namespace {

struct Odd {};

__attribute__((noinline)) int Deep(const std::string& what) {
  if (what == "odd") throw Odd();
  if (what == "number") throw 42;
  if (what == "at") return static_cast<int>(what.at(100));
  throw std::invalid_argument("no " + what + " here");
}

}  // namespace

void* initialize(const char*, const char* model_config, int* state) {
  if (model_config[0] != '\0') Deep(model_config);
  *state = 0;
  return nullptr;
}

int process(void*, const void* input, int input_size, void**, int*) {
  return Deep(std::string(static_cast<const char*>(input), static_cast<size_t>(input_size))) + 1;
}
