#include "sanitizers.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdint>
#include <string>
#include <vector>

#include "api.h"
#include "crash.h"

namespace eas {
namespace {

void OnDeath() { RecordEnd(EAS_CRASH_SANITIZER, 0, 0); }

int AddPath(dl_phdr_info* info, size_t, void* paths) {
  static_cast<std::vector<std::string>*>(paths)->emplace_back(info->dlpi_name);
  return 0;
}

// `name` of the library itself, and not of one that it needs; null if it has none.
template <typename Function>
Function FindOwn(void* library, const std::string& path, const char* name) {
  void* const found = dlsym(library, name);
  Dl_info info{};
  if (found == nullptr || dladdr(found, &info) == 0 || path != info.dli_fname) return nullptr;
  return reinterpret_cast<Function>(found);
}

}  // namespace

void AttachSanitizers(int fd) {
  std::vector<std::string> paths;
  dl_iterate_phdr(&AddPath, &paths);  // which holds a lock that dlopen must not need
  for (const std::string& path : paths) {
    if (path.empty()) continue;  // the program
    void* const library = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;  // the kernel's vdso
    const auto set_fd = FindOwn<void (*)(void*)>(library, path, "__sanitizer_set_report_fd");
    const auto set_callback = FindOwn<void (*)(void (*)())>(library, path, "__sanitizer_set_death_callback");
    // UBSan's resets it with its first report.
    const bool resets = FindOwn<void (*)()>(library, path, "__ubsan_on_report") != nullptr;
    if (set_fd != nullptr && !resets) set_fd(reinterpret_cast<void*>(static_cast<uintptr_t>(fd)));
    if (set_callback != nullptr) set_callback(&OnDeath);
    dlclose(library);
  }
}

}  // namespace eas
