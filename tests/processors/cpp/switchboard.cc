// Has other processors run in its process: the request "NAME:BODY" is BODY for the processor NAME. Any other is answered
// with itself, after ten milliseconds: so there is mostly one that runs beside those that break. A processor that is the
// only one has its own model as the host's.
//
// Each line of the model_config is the name of a processor and the path of its library.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>

#include "eas/processor.h"

namespace {

struct Processor {
  void* model;
  decltype(&process) run;
};

std::map<std::string, Processor> processors;

bool Load(const std::string& name, const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), false;
  const auto start = reinterpret_cast<decltype(&initialize)>(dlsym(library, "initialize"));
  const auto run = reinterpret_cast<decltype(&process)>(dlsym(library, "process"));
  int state = -1;
  processors[name] = {start("", "", &state), run};
  return state == 0;
}

}  // namespace

void* initialize(const char*, const char* model_config, int* state) {
  std::istringstream lines(model_config);
  std::string name, path;
  *state = 0;
  while (lines >> name >> path) {
    if (!Load(name, path)) *state = 1;
  }
  return processors.size() == 1 ? processors.begin()->second.model : nullptr;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  const char* const text = static_cast<const char*>(input);
  const std::string name(text, std::find(text, text + size, ':'));
  const auto chosen = processors.find(name);
  if (chosen != processors.end()) {
    const int start = static_cast<int>(name.size()) + 1;
    return chosen->second.run(chosen->second.model, text + start, size - start, output, output_size);
  }
  usleep(10000);
  *output = std::malloc(static_cast<size_t>(size) + 1);
  std::memcpy(*output, input, static_cast<size_t>(size));
  *output_size = size;
  return 200;
}
