// The program `eas-symbolizer`, which the front starts to turn addresses of shared objects into functions,
// files and lines. elfutils' libdw reads the files and the debug information, also where that lies in a file
// of its own.
//
// It is a process of its own because the files come from users: one that is broken, or made to break its
// reader, ends this process and nothing else, and one that takes long makes the front give up. It asks no
// server for debug information, and ends with the front or with its standard input.
//
// A question is one line: "OFFSET... PATH", the offsets hexadecimal and counted from the file's first
// mapping, the path absolute. The answer has for each offset the lines "FUNCTION<tab>FILE<tab>LINE", the
// innermost inlined function first, and then an empty line. FUNCTION and FILE may be empty, and LINE 0.
#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

// Libraries that were linked find this one before the system's. If libdw finds no debug information, it would
// load a library that asks servers for it, and half a network stack for that, which takes 30 ms.
extern "C" __attribute__((visibility("default"))) void* dlopen(const char*, int) noexcept { return nullptr; }

namespace {

constexpr size_t kOpenFiles = 32;  // a processor and the libraries that come with it

// More than any library with its debug information; less than a compressed section may claim to have.
constexpr rlim_t kAddressSpace = rlim_t{16} << 30;

struct Location {
  std::string function;
  std::string file;
  int line = 0;
};

template <typename T>
using Freed = std::unique_ptr<T, decltype(&std::free)>;

std::string Demangled(const char* name) {
  if (name == nullptr) return "";
  int status = 0;
  const Freed<char> readable(abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  const std::string text = readable != nullptr ? readable.get() : name;
  return text.substr(0, text.find(" [clone "));  // a part that the compiler has split off belongs to it
}

const char* Text(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute found;
  return dwarf_formstring(dwarf_attr_integrate(die, attribute, &found));
}

Dwarf_Word Number(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  dwarf_formudata(dwarf_attr(die, attribute, &found), &value);
  return value;
}

std::string FunctionName(Dwarf_Die* die) {
  for (const unsigned attribute : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    if (const char* name = Text(die, attribute)) return Demangled(name);
  }
  return "";
}

// Appends the functions below `parent` that contain `address`, the outermost first: one that has code of its
// own, and those that are inlined there. dwarf_getscopes knows less: if the linker has optimised (-flto), the
// definition of what is inlined may be in another unit, and then it finds nothing.
bool AppendFunctions(Dwarf_Die parent, Dwarf_Addr address, std::vector<Dwarf_Die>* functions) {
  Dwarf_Die entry;
  for (int rest = dwarf_child(&parent, &entry); rest == 0; rest = dwarf_siblingof(&entry, &entry)) {
    const int tag = dwarf_tag(&entry);
    if (tag == DW_TAG_namespace) {
      if (AppendFunctions(entry, address, functions)) return true;
    } else if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) {
      if (dwarf_haspc(&entry, address) != 1) continue;
      if (tag != DW_TAG_lexical_block) functions->push_back(entry);
      AppendFunctions(entry, address, functions);
      return true;
    }
  }
  return false;
}

// A file, and what libdw knows of it.
class Module {
 public:
  // Owns `fd`.
  Module(const std::string& path, int fd) : dwfl_(dwfl_begin(&kCallbacks)) {
    if (dwfl_ == nullptr) {
      close(fd);
      return;
    }
    module_ = dwfl_report_offline(dwfl_, path.c_str(), path.c_str(), fd);
    if (module_ == nullptr) close(fd);
    dwfl_report_end(dwfl_, nullptr, nullptr);
    if (module_ != nullptr) base_ = FirstAddress();
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  ~Module() { dwfl_end(dwfl_); }

  std::vector<Location> Locate(uint64_t offset) {
    std::vector<Location> locations;
    if (module_ == nullptr) return locations;
    const Dwarf_Addr address = base_ + offset;
    Dwarf_Addr bias = 0;
    if (Dwarf_Die* unit = UnitAt(address, &bias)) AddFunctions(unit, address - bias, &locations);
    if (locations.empty()) locations.emplace_back();
    if (locations.back().function.empty()) locations.back().function = SymbolAt(address);
    return locations;
  }

 private:
  // The first address of the first mapping, among those of the module.
  Dwarf_Addr FirstAddress() {
    GElf_Addr bias = 0;
    Elf* elf = dwfl_module_getelf(module_, &bias);
    size_t count = 0;
    if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) return 0;
    const auto page = static_cast<GElf_Addr>(sysconf(_SC_PAGESIZE));
    for (size_t i = 0; i < count; ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
      if (segment.p_type == PT_LOAD) return (segment.p_vaddr & ~(page - 1)) + bias;
    }
    return bias;
  }

  // The compilation unit that contains `address`. There is no index of addresses if the compiler was clang.
  Dwarf_Die* UnitAt(Dwarf_Addr address, Dwarf_Addr* bias) {
    Dwarf_Die* unit = dwfl_module_addrdie(module_, address, bias);
    if (unit != nullptr) return unit;
    while ((unit = dwfl_module_nextcu(module_, unit, bias)) != nullptr) {
      if (dwarf_haspc(unit, address - *bias) == 1) return unit;
    }
    return nullptr;
  }

  // The unit in a .dwo file that `unit` stands for (-gsplit-dwarf), or `unit` itself.
  static Dwarf_Die SplitUnit(const Dwarf_Die& unit) {
    uint8_t type = 0;
    Dwarf_Die split{};
    dwarf_cu_info(unit.cu, nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr);
    return type == DW_UT_skeleton && split.addr != nullptr ? split : unit;
  }

  void AddFunctions(Dwarf_Die* unit, Dwarf_Addr address, std::vector<Location>* locations) {
    const char* folder = Text(unit, DW_AT_comp_dir);
    Location place;
    if (Dwarf_Line* line = dwarf_getsrc_die(unit, address)) {
      place.file = Absolute(dwarf_linesrc(line, nullptr, nullptr), folder);
      dwarf_lineno(line, &place.line);
    }
    Dwarf_Die split = SplitUnit(*unit);
    Dwarf_Files* files = nullptr;
    dwarf_getsrcfiles(&split, &files, nullptr);
    std::vector<Dwarf_Die> functions;
    AppendFunctions(split, address, &functions);
    std::reverse(functions.begin(), functions.end());
    for (Dwarf_Die& function : functions) {
      place.function = FunctionName(&function);
      // The body of a lambda, for one. The symbol says of which function it is, unless it was inlined.
      if (place.function == "operator()" && &function == &functions.back()) place.function = "";
      locations->push_back(place);
      // The next one has called this one there.
      const char* caller = dwarf_filesrc(files, Number(&function, DW_AT_call_file), nullptr, nullptr);
      place = {"", Absolute(caller, folder), static_cast<int>(Number(&function, DW_AT_call_line))};
    }
    if (locations->empty() && place.line != 0) locations->push_back(place);  // only lines are known
  }

  std::string SymbolAt(Dwarf_Addr address) {
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    const char* name = dwfl_module_addrinfo(module_, address, &offset, &symbol, nullptr, nullptr, nullptr);
    return name != nullptr && offset < symbol.st_size ? Demangled(name) : "";
  }

  static std::string Absolute(const char* file, const char* folder) {
    if (file == nullptr) return "";
    return file[0] == '/' || folder == nullptr ? file : std::string(folder) + "/" + file;
  }

  static const Dwfl_Callbacks kCallbacks;

  Dwfl* dwfl_;
  Dwfl_Module* module_ = nullptr;
  Dwarf_Addr base_ = 0;
};

const Dwfl_Callbacks Module::kCallbacks = {dwfl_build_id_find_elf, dwfl_standard_find_debuginfo,
                                           dwfl_offline_section_address, nullptr};

// The files that were asked for. One that has changed is opened again.
class Modules {
 public:
  // The module of the regular file `path`; null if there is none.
  Module* Find(const std::string& path) {
    // Without waiting for the writer of a pipe.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return nullptr;
    struct stat info{};
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
      close(fd);
      return nullptr;
    }
    const Key key{path, info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    const auto known = modules_.find(key);
    if (known != modules_.end()) {
      close(fd);
      return known->second.get();
    }
    if (modules_.size() == kOpenFiles) modules_.clear();
    return (modules_[key] = std::make_unique<Module>(path, fd)).get();
  }

 private:
  using Key = std::tuple<std::string, dev_t, ino_t, off_t, time_t, long>;
  std::map<Key, std::unique_ptr<Module>> modules_;
};

// Takes away what reading files does not need, and ends this process with its parent.
void Confine() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  for (const auto& [resource, most] : {std::pair{RLIMIT_CORE, rlim_t{0}}, {RLIMIT_AS, kAddressSpace}}) {
    rlimit limit{};
    getrlimit(resource, &limit);
    limit.rlim_cur = limit.rlim_max = std::min(limit.rlim_max, most);
    setrlimit(resource, &limit);
  }
  if (chdir("/") != 0) std::exit(1);
}

// Prints a field of an answer. No name may look like the end of one.
void Print(std::string text, char end) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  std::fputs(text.c_str(), stdout);
  std::fputc(end, stdout);
}

void Answer(Modules& modules, const std::string& question) {
  const size_t slash = question.find('/');
  if (slash == std::string::npos) return;
  Module* module = modules.Find(question.substr(slash));
  const char* at = question.c_str();
  for (;;) {
    char* end = nullptr;
    const uint64_t offset = std::strtoull(at, &end, 16);
    if (end == at || end > question.c_str() + slash) break;
    at = end;
    if (module != nullptr) {
      for (const Location& location : module->Locate(offset)) {
        Print(location.function, '\t');
        Print(location.file, '\t');
        Print(std::to_string(location.line), '\n');
      }
    }
    std::fputc('\n', stdout);
  }
  std::fflush(stdout);
}

}  // namespace

int main() {
  Confine();
  Modules modules;
  char* line = nullptr;
  size_t size = 0;
  while (true) {
    const ssize_t got = getline(&line, &size, stdin);
    if (got <= 0) break;
    Answer(modules, std::string(line, static_cast<size_t>(got - (line[got - 1] == '\n' ? 1 : 0))));
  }
  // What is open goes with the process.
  std::_Exit(0);
}
