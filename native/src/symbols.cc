#include "symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "layout.h"

namespace eas {
namespace {

// The bytes of a file that is mapped for reading. Every access is checked: the file may be truncated, or not
// be an ELF file.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    // Without waiting for the writer of a pipe.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
      void* base = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (base != MAP_FAILED) {
        base_ = static_cast<const char*>(base);
        size_ = static_cast<uint64_t>(info.st_size);
      }
    }
    close(fd);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (base_ != nullptr) munmap(const_cast<char*>(base_), size_);
  }

  template <typename T>
  bool Read(uint64_t at, T* value) const {
    if (at > size_ || sizeof(T) > size_ - at) return false;
    std::memcpy(value, base_ + at, sizeof(T));
    return true;
  }

  // The NUL-terminated text at `at`; "" if it is not there.
  std::string_view Text(uint64_t at) const {
    if (at >= size_) return {};
    return {base_ + at, strnlen(base_ + at, size_ - at)};
  }

 private:
  const char* base_ = nullptr;
  uint64_t size_ = 0;
};

bool ReadHeader(const MappedFile& file, ElfW(Ehdr) * header) {
  return file.Read(0, header) && std::memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
         header->e_ident[EI_CLASS] == (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) &&
         header->e_phentsize == sizeof(ElfW(Phdr)) && header->e_shentsize == sizeof(ElfW(Shdr));
}

// The address of the file's first mapping, as the file itself numbers addresses.
uint64_t FirstAddress(const MappedFile& file, const ElfW(Ehdr) & header) {
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    if (!file.Read(header.e_phoff + i * sizeof(segment), &segment)) break;
    if (segment.p_type == PT_LOAD) return segment.p_vaddr & ~(PageSize() - 1);
  }
  return 0;
}

std::string FindSymbol(const MappedFile& file, const ElfW(Shdr) & table, uint64_t names, uint64_t address) {
  for (uint64_t i = 0; i < table.sh_size / sizeof(ElfW(Sym)); ++i) {
    ElfW(Sym) symbol;
    if (!file.Read(table.sh_offset + i * sizeof(symbol), &symbol)) break;
    if ((symbol.st_info & 0xF) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (address >= symbol.st_value && address - symbol.st_value < symbol.st_size) {
      return std::string(file.Text(names + symbol.st_name));
    }
  }
  return "";
}

}  // namespace

std::string FunctionAt(const std::string& path, uint64_t offset) {
  const MappedFile file(path);
  ElfW(Ehdr) header;
  if (!ReadHeader(file, &header)) return "";
  const uint64_t address = FirstAddress(file, header) + offset;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    ElfW(Shdr) table;
    ElfW(Shdr) names;
    if (!file.Read(header.e_shoff + i * sizeof(table), &table)) break;
    if (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) continue;
    if (!file.Read(header.e_shoff + uint64_t{table.sh_link} * sizeof(names), &names)) continue;
    std::string name = FindSymbol(file, table, names.sh_offset, address);
    if (!name.empty()) return name;
  }
  return "";
}

}  // namespace eas
