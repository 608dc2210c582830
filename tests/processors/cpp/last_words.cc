// Writes a file into the folder of its model when the process ends.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "eas/processor.h"

namespace {

struct LastWords {
  std::string path;
  ~LastWords() { std::ofstream(path + "/written") << "ended"; }
};

LastWords last_words;

}  // namespace

void* initialize(const char* model, const char*, int* state) {
  last_words.path = model;
  *state = 0;
  return nullptr;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  *output = std::malloc(static_cast<size_t>(size) + 1);
  std::memcpy(*output, input, static_cast<size_t>(size));
  *output_size = size;
  return 200;
}
