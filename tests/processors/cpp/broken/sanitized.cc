// Does what its input names, for builds with a sanitizer.
#include <dlfcn.h>
#include <eas/processor.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

static int* weights;
static long counter;

static int score(int index) { return weights[index]; }

static int add(int by) { return INT_MAX - 1 + by; }

static char* forget(size_t size) {
  char* block = static_cast<char*>(std::malloc(size));
  std::memset(block, 'x', size);
  return block;
}

static std::string variables_of_child() {
  std::string text;
  FILE* child = popen("env", "r");
  char line[4096];
  while (fgets(line, sizeof(line), child) != nullptr) text += line;
  pclose(child);
  return text;
}

static int answer(const std::string& text, void** output, int* size) {
  *output = std::malloc(text.size());
  std::memcpy(*output, text.data(), text.size());
  *size = static_cast<int>(text.size());
  return 200;
}

void* initialize(const char*, const char* config, int* state) {
  weights = static_cast<int*>(std::calloc(10, sizeof(int)));
  if (std::strcmp(config, "overflow") == 0) score(10);
  *state = 0;
  return weights;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  const std::string what(static_cast<const char*>(input), static_cast<size_t>(size));
  if (what == "overflow") return answer(std::to_string(score(10)), output, output_size);
  if (what == "null")
    return answer(std::to_string(*reinterpret_cast<volatile int*>(16)), output, output_size);
  if (what == "add") return answer(std::to_string(add(size)), output, output_size);
  if (what == "add, overflow") return answer(std::to_string(add(size) + score(10)), output, output_size);
  if (what == "count") ++counter;
  if (what == "forget") forget(123);
  if (what == "runtime") {
    const bool found = dlsym(RTLD_DEFAULT, "__asan_init") != nullptr;
    return answer(found ? "with a runtime" : "without", output, output_size);
  }
  if (what == "env") return answer(variables_of_child(), output, output_size);
  if (what == "freed") {
    answer(what, output, output_size);
    std::free(*output);
    return 200;
  }
  if (what == "too-large") {
    answer(what, output, output_size);
    ++*output_size;
    return 200;
  }
  if (what == "interior") {
    answer(what, output, output_size);
    *output = static_cast<char*>(*output) + 8;
    *output_size = 0;
    return 200;
  }
  return answer(what, output, output_size);
}
