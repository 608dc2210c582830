// A processor as its author should write it: through the public header.
#include <cstdlib>
#include <cstring>

#include "eas/processor.h"

void* initialize(const char* model_entry, const char* model_config, int* state) {
  *state = std::strcmp(model_config, "state 7") == 0 ? 7 : 0;
  return strdup(model_entry);
}

int process(void* model, const void* input, int input_size, void** output, int* output_size) {
  const auto* entry = static_cast<const char*>(model);
  const size_t entry_size = std::strlen(entry);
  auto* answer = static_cast<char*>(std::malloc(entry_size + static_cast<size_t>(input_size) + 1));
  std::memcpy(answer, entry, entry_size);
  std::memcpy(answer + entry_size, input, static_cast<size_t>(input_size));
  *output = answer;
  *output_size = static_cast<int>(entry_size) + input_size;
  return 200;
}
