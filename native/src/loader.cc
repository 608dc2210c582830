#include "loader.h"

#include <dlfcn.h>

#include "exception_guard.h"
#include "log.h"

namespace eas {
namespace {

// The symbol's address as a function; null and *error if it is missing.
template <typename Function>
bool Find(void* library, const char* name, Function* function, std::string* error) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  if (*function != nullptr) return true;
  *error = std::string("missing symbol: ") + name;
  return false;
}

}  // namespace

std::unique_ptr<Processor> OpenProcessor(const char* path, std::string* error) {
  // RTLD_NOW: a missing function must be an error of loading, not of a request. RTLD_LOCAL: other libraries
  // must not see the processor's symbols.
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    *error = reason != nullptr ? reason : "dlopen failed";
    return nullptr;
  }
  auto processor = std::make_unique<Processor>();
  if (!Find(library, "initialize", &processor->initialize, error) ||
      !Find(library, "process", &processor->process, error)) {
    dlclose(library);
    return nullptr;
  }
  return processor;
}

bool Initialize(Processor& processor, const char* model_entry, const char* model_config, int* state,
                std::string* error) {
  const GuardedResult outcome = CallGuarded(processor.initialize, model_entry, model_config, state);
  if (outcome.returned) {
    processor.model = reinterpret_cast<void*>(outcome.value);
    return true;
  }
  *error = outcome.thrown.type + ": " + outcome.thrown.message;
  Log('E', "initialize threw " + *error + outcome.thrown.trace);
  return false;
}

}  // namespace eas
