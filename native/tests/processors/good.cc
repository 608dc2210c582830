// A processor as its author should write it: through the public header.
#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

void* initialize(const char* model_entry, const char* model_config, int* state) {
  *state = std::strcmp(model_config, "state 7") == 0 ? 7 : 0;
  static std::string model;
  model = model_entry;
  return &model;
}

int process(void* model, const void* input, int input_size, void** output, int* output_size) {
  const auto& entry = *static_cast<const std::string*>(model);
  const size_t size = static_cast<size_t>(input_size);
  auto* answer = static_cast<char*>(std::malloc(entry.size() + size + 1));
  std::memcpy(answer, entry.data(), entry.size());
  std::memcpy(answer + entry.size(), input, size);
  *output = answer;
  *output_size = static_cast<int>(entry.size() + size);
  return 200;
}
