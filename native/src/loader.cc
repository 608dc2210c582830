#include "loader.h"

#include <dlfcn.h>
#include <elf.h>

#include "exception_guard.h"
#include "exits.h"
#include "last_words.h"
#include "log.h"
#include "stacks.h"

namespace eas {
namespace {

bool IsVariable(void* at) {
  Dl_info info{};
  void* symbol = nullptr;
  if (dladdr1(at, &info, &symbol, RTLD_DL_SYMENT) == 0 || symbol == nullptr) return false;
  return ELF64_ST_TYPE(static_cast<const Elf64_Sym*>(symbol)->st_info) == STT_OBJECT;
}

// The symbol's address as a function; false and *error if there is none.
template <typename Function>
bool Find(void* library, const char* name, Function* function, std::string* error) {
  void* const found = dlsym(library, name);
  *function = reinterpret_cast<Function>(found);
  if (found == nullptr) {
    *error = std::string("missing symbol: ") + name;
  } else if (IsVariable(found)) {
    *error = std::string(name) + " is a variable; define a function of that name";
  } else {
    return true;
  }
  return false;
}

template <typename Function>
void FindOptional(void* library, const char* name, Function* function) {
  std::string none;
  if (!Find(library, name, function, &none)) *function = nullptr;
}

}  // namespace

std::unique_ptr<Processor> OpenProcessor(const char* path, std::string* error) {
  const LoadingThread loading;  // constructors of the library run, too
  // RTLD_NOW: a missing function must be an error of loading, not of a request. RTLD_LOCAL: other libraries
  // must not see the processor's symbols.
  const size_t libraries_before = CountLibraries();
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    *error = reason != nullptr ? reason : "dlopen failed";
    return nullptr;
  }
  FindRuntime(library);
  RecordExitsOf(libraries_before);
  auto processor = std::make_unique<Processor>();
  processor->libraries_before = libraries_before;
  if (!Find(library, "initialize", &processor->initialize, error) ||
      !Find(library, "process", &processor->process, error)) {
    dlclose(library);
    return nullptr;
  }
  FindOptional(library, "batch_process", &processor->batch_process);
  FindOptional(library, "async_process", &processor->async_process);
  FindOptional(library, "eas_async_cancel", &processor->async_cancel);
  return processor;
}

bool Initialize(Processor& processor, const char* model_entry, const char* model_config, int* state,
                std::string* error) {
  const LoadingThread loading;
  const GuardedResult outcome = CallGuarded(processor.initialize, model_entry, model_config, state);
  RecordExitsOf(processor.libraries_before);  // it may have loaded further ones
  if (outcome.returned) {
    processor.model = reinterpret_cast<void*>(outcome.value);
    return true;
  }
  *error = outcome.thrown.type + ": " + outcome.thrown.message;
  Log('E', "initialize threw " + *error + outcome.thrown.trace);
  return false;
}

}  // namespace eas
