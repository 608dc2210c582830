// Ends its process in the way that the body names; any other body comes back.

#include <eas/processor.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

static volatile std::size_t low = 16;

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

int process(void*, const void* input_data, int input_size, void** output_data, int* output_size) {
  const std::string how(static_cast<const char*>(input_data), static_cast<std::size_t>(input_size));
  if (how == "SIGSEGV") *reinterpret_cast<volatile int*>(low) = 1;
  if (how == "abort") std::abort();
  if (how == "_exit") _exit(3);
  if (how == "exit") std::exit(3);
  *output_data = std::malloc(how.size() + 1);
  std::memcpy(*output_data, how.data(), how.size());
  *output_size = input_size;
  return 200;
}
