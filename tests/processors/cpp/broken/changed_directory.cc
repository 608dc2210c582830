// Leaves its folder in one call, and does not find its file in the next.
#include <eas/processor.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  const std::string verb(static_cast<const char*>(input), size);
  if (verb == "move") {
    if (chdir("/") != 0) return 500;
  } else if (!std::ifstream("libchanged_directory.so")) {
    throw std::runtime_error("cannot open libchanged_directory.so");
  }
  *output = strdup("found");
  *output_size = 5;
  return 200;
}
