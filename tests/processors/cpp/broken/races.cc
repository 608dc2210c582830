// Adds up what its input has, in a variable that all threads share.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>

static volatile int total;

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  total = 0;
  for (int i = 0; i < size; ++i) {
    total = total + static_cast<const unsigned char*>(input)[i];
    usleep(100);
  }
  const std::string text = std::to_string(total);
  *output = strdup(text.c_str());
  *output_size = static_cast<int>(text.size());
  return 200;
}
