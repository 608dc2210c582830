#include "memory_map.h"

#include <link.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>

namespace eas {
namespace {

constexpr size_t kUsualRanges = 1024;

// Calls `visit` with each mapping and its name, until it returns true.
void VisitMappings(const std::function<bool(const AddressRange&, const char*)>& visit) {
  FILE* const maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return;
  char line[4200];  // a path has at most 4096 bytes
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    int name = 0;
    if (std::sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, &name) != 2) continue;
    line[std::strcspn(line, "\n")] = '\0';
    if (visit({begin, end}, line + name)) break;
  }
  std::fclose(maps);
}

AddressRange RangeOf(const dl_phdr_info& module, const ElfW(Phdr) & segment) {
  const uintptr_t begin = module.dlpi_addr + segment.p_vaddr;
  return {begin, begin + segment.p_memsz};
}

std::string FileOf(const dl_phdr_info& module) {
  const char* const slash = std::strrchr(module.dlpi_name, '/');
  return slash != nullptr ? slash + 1 : module.dlpi_name;
}

struct Search {
  uintptr_t at;
  Module found;
};

int VisitModule(dl_phdr_info* module, size_t, void* argument) {
  auto* search = static_cast<Search*>(argument);
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr) & segment = module->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || !RangeOf(*module, segment).Has(search->at)) continue;
    search->found.file = FileOf(*module);
    search->found.segment = (segment.p_flags & PF_W) != 0   ? Segment::kData
                            : (segment.p_flags & PF_X) != 0 ? Segment::kCode
                                                            : Segment::kConstants;
    return 1;
  }
  return 0;
}

int VisitThreadLocals(dl_phdr_info* module, size_t, void* argument) {
  auto* search = static_cast<Search*>(argument);
  for (int i = 0; module->dlpi_tls_data != nullptr && i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr) & segment = module->dlpi_phdr[i];
    if (segment.p_type != PT_TLS) continue;
    if (search->at - reinterpret_cast<uintptr_t>(module->dlpi_tls_data) >= segment.p_memsz) return 0;
    search->found.file = module->dlpi_name[0] != '\0' ? FileOf(*module) : "the program";
    return 1;
  }
  return 0;
}

int AddRanges(dl_phdr_info* module, size_t, void* argument) {
  auto* ranges = static_cast<std::vector<AddressRange>*>(argument);
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr) & segment = module->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD) ranges->push_back(RangeOf(*module, segment));
  }
  return 0;
}

}  // namespace

Readable ReadMemory(uintptr_t at, void* to, size_t size) {
  const iovec local{to, size};
  const iovec remote{reinterpret_cast<void*>(at), size};
  const ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  if (got == static_cast<ssize_t>(size)) return Readable::kYes;
  return got >= 0 || errno == EFAULT ? Readable::kNo : Readable::kCannotTell;
}

AddressRange StackOfThisThread() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* lowest = nullptr;
  size_t size = 0;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  const auto begin = reinterpret_cast<uintptr_t>(lowest);
  return {begin, begin + size};
}

AddressRange FindMapping(const char* name) {
  AddressRange found;
  VisitMappings([&](const AddressRange& range, const char* its_name) {
    if (std::strcmp(its_name, name) != 0) return false;
    found = range;
    return true;
  });
  return found;
}

Module ModuleAt(uintptr_t at) {
  Search search{at, {}};
  dl_iterate_phdr(&VisitModule, &search);
  return search.found;
}

std::string ThreadLocalModuleAt(uintptr_t at) {
  Search search{at, {}};
  dl_iterate_phdr(&VisitThreadLocals, &search);
  return search.found.file;
}

std::vector<AddressRange> ModuleRanges() {
  std::vector<AddressRange> ranges;
  ranges.reserve(kUsualRanges);  // as it grew it would leave small free blocks in this thread's cache
  dl_iterate_phdr(&AddRanges, &ranges);
  std::sort(ranges.begin(), ranges.end(),
            [](const AddressRange& one, const AddressRange& other) { return one.begin < other.begin; });
  return ranges;
}

std::string MappingAt(uintptr_t at, bool* mapped) {
  *mapped = false;
  std::string found;
  VisitMappings([&](const AddressRange& range, const char* name) {
    if (!range.Has(at)) return false;
    *mapped = true;
    found = name;
    return true;
  });
  return found;
}

}  // namespace eas
