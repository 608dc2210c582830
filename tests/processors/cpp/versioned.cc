// Answers with its version, that of its model, and the input: "3 3|input". VERSION is given by the compiler.
#include <eas/processor.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

extern "C" void* initialize(const char* model_entry, const char*, int* state) {
  auto* model = new std::string;
  std::getline(std::ifstream(model_entry), *model);
  *state = VERSION < 0 ? 7 : 0;
  return model;
}

extern "C" int process(void* model, const void* input, int size, void** output, int* output_size) {
  const std::string answer = std::to_string(VERSION) + " " + *static_cast<std::string*>(model) + "|" +
                             std::string(static_cast<const char*>(input), size);
  *output = std::malloc(answer.size());
  std::memcpy(*output, answer.data(), answer.size());
  *output_size = static_cast<int>(answer.size());
  return 200;
}
