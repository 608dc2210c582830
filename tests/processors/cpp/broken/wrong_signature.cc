// Has the parameters of `process` in another order: the size of the input is taken for a text.
#include <string>

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, int, const char* input, void**, int*) {
  const std::string text(input);
  return text.empty() ? 200 : 201;
}
