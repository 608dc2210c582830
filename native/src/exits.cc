#include "exits.h"

#include <elf.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "api.h"
#include "crash.h"
#include "layout.h"

namespace eas {
namespace {

void ExitAtOnce(int status) {
  RecordEnd(EAS_CRASH_EXIT_AT_ONCE, 0, status);
  _exit(status);
}

void StandardExitAtOnce(int status) {
  RecordEnd(EAS_CRASH_STANDARD_EXIT_AT_ONCE, 0, status);
  _Exit(status);
}

void QuickExit(int status) {
  RecordEnd(EAS_CRASH_QUICK_EXIT, 0, status);
  quick_exit(status);
}

int Kill(pid_t process, int signal) {
  if (signal == SIGKILL && process == getpid()) RecordEnd(EAS_CRASH_SIGNAL, signal, SI_USER);
  return kill(process, signal);
}

int Raise(int signal) {
  if (signal == SIGKILL) RecordEnd(EAS_CRASH_SIGNAL, signal, SI_TKILL);
  return raise(signal);
}

const struct {
  const char* name;
  uintptr_t replacement;
} kReplaced[] = {{"_exit", reinterpret_cast<uintptr_t>(&ExitAtOnce)},
                 {"_Exit", reinterpret_cast<uintptr_t>(&StandardExitAtOnce)},
                 {"quick_exit", reinterpret_cast<uintptr_t>(&QuickExit)},
                 {"kill", reinterpret_cast<uintptr_t>(&Kill)},
                 {"raise", reinterpret_cast<uintptr_t>(&Raise)}};

#if defined(__x86_64__)
constexpr uint32_t kPointerTypes[] = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT};
#elif defined(__aarch64__)
constexpr uint32_t kPointerTypes[] = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT};
#else
constexpr uint32_t kPointerTypes[] = {0, 0};  // of other machines no pointer is known
#endif

// One loaded library, as far as its pointers matter.
class Library {
 public:
  explicit Library(const dl_phdr_info& info) : base_(info.dlpi_addr) {
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      const ElfW(Phdr) & part = info.dlpi_phdr[i];
      if (part.p_type == PT_DYNAMIC) ReadDynamic(reinterpret_cast<const ElfW(Dyn)*>(base_ + part.p_vaddr));
      if (part.p_type != PT_GNU_RELRO) continue;
      protected_begin_ = (base_ + part.p_vaddr) / PageSize() * PageSize();
      protected_end_ = (base_ + part.p_vaddr + part.p_memsz) / PageSize() * PageSize();
    }
  }

  void Replace() const {
    if (symbols_ == nullptr || names_ == nullptr) return;
    ReplaceIn(calls_, calls_size_);
    ReplaceIn(others_, others_size_);
  }

 private:
  void ReadDynamic(const ElfW(Dyn) * entry) {
    bool with_addends = true;
    for (; entry->d_tag != DT_NULL; ++entry) {
      const uintptr_t value = entry->d_un.d_ptr;
      const uintptr_t address =
          value < base_ ? base_ + value : value;  // glibc has added the base, others have not
      if (entry->d_tag == DT_SYMTAB) symbols_ = reinterpret_cast<const ElfW(Sym)*>(address);
      if (entry->d_tag == DT_STRTAB) names_ = reinterpret_cast<const char*>(address);
      if (entry->d_tag == DT_JMPREL) calls_ = reinterpret_cast<const ElfW(Rela)*>(address);
      if (entry->d_tag == DT_PLTRELSZ) calls_size_ = entry->d_un.d_val;
      if (entry->d_tag == DT_PLTREL) with_addends = entry->d_un.d_val == DT_RELA;
      if (entry->d_tag == DT_RELA) others_ = reinterpret_cast<const ElfW(Rela)*>(address);
      if (entry->d_tag == DT_RELASZ) others_size_ = entry->d_un.d_val;
    }
    if (!with_addends) calls_ = nullptr;
  }

  void ReplaceIn(const ElfW(Rela) * entries, size_t bytes) const {
    if (entries == nullptr) return;
    for (size_t i = 0; i < bytes / sizeof(*entries); ++i) {
      const auto type = static_cast<uint32_t>(ELF64_R_TYPE(entries[i].r_info));
      if (type != kPointerTypes[0] && type != kPointerTypes[1]) continue;
      const ElfW(Sym) & symbol = symbols_[ELF64_R_SYM(entries[i].r_info)];
      if (symbol.st_shndx != SHN_UNDEF) continue;  // a function of its own
      for (const auto& one : kReplaced) {
        if (std::strcmp(names_ + symbol.st_name, one.name) == 0) {
          Write(reinterpret_cast<uintptr_t*>(base_ + entries[i].r_offset), one.replacement);
        }
      }
    }
  }

  // Writes a pointer, also where the dynamic linker has made the tables read-only.
  void Write(uintptr_t* pointer, uintptr_t value) const {
    if (*pointer == value) return;
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    const bool is_protected = address >= protected_begin_ && address < protected_end_;
    void* page = reinterpret_cast<void*>(address / PageSize() * PageSize());
    if (is_protected && mprotect(page, PageSize(), PROT_READ | PROT_WRITE) != 0) return;
    __atomic_store_n(pointer, value, __ATOMIC_RELAXED);  // threads of the processor may call it now
    if (is_protected) mprotect(page, PageSize(), PROT_READ);
  }

  const uintptr_t base_;
  uintptr_t protected_begin_ = 0;
  uintptr_t protected_end_ = 0;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* names_ = nullptr;
  const ElfW(Rela) * calls_ = nullptr;
  const ElfW(Rela) * others_ = nullptr;
  size_t calls_size_ = 0;
  size_t others_size_ = 0;
};

int Count(dl_phdr_info*, size_t, void* count) {
  ++*static_cast<size_t*>(count);
  return 0;
}

int ReplaceUnlessSkipped(dl_phdr_info* info, size_t, void* skip) {
  auto* left = static_cast<size_t*>(skip);
  if (*left == 0) {
    Library(*info).Replace();
  } else {
    --*left;
  }
  return 0;
}

}  // namespace

size_t CountLibraries() {
  size_t count = 0;
  dl_iterate_phdr(&Count, &count);
  return count;
}

void RecordExitsOf(size_t skip) { dl_iterate_phdr(&ReplaceUnlessSkipped, &skip); }

}  // namespace eas
