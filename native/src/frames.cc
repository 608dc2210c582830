#include "frames.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <unwind.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "maps_reader.h"
#include "symbols.h"

namespace eas {
namespace {

struct Walk {
  uintptr_t* pc;
  int max;
  volatile int* count;
  bool (*stop)(uintptr_t pc);
};

_Unwind_Reason_Code Visit(_Unwind_Context* context, void* argument) {
  auto* walk = static_cast<Walk*>(argument);
  int before_instruction = 0;
  const uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  if (ip == 0 || *walk->count == walk->max || walk->stop(ip)) return _URC_NORMAL_STOP;
  walk->pc[*walk->count] = before_instruction != 0 ? ip : ip - 1;
  *walk->count = *walk->count + 1;
  return _URC_NO_REASON;
}

// Writes "path+0xoffset" into text, without snprintf, which is not async-signal-safe.
void WriteModule(const char* path, size_t path_size, uint64_t offset, char* text, size_t text_size) {
  char tail[20];
  size_t at = sizeof(tail);
  tail[--at] = '\0';
  do {
    tail[--at] = "0123456789abcdef"[offset & 0xF];
    offset >>= 4;
  } while (offset != 0);
  tail[--at] = 'x';
  tail[--at] = '0';
  tail[--at] = '+';
  const size_t tail_size = sizeof(tail) - at;  // with the NUL
  if (path_size + tail_size > text_size) {
    path += path_size + tail_size - text_size;
    path_size = text_size - tail_size;
  }
  std::memcpy(text, path, path_size);
  std::memcpy(text + path_size, tail + at, tail_size);
}

// What is to be found in the maps file, and where the file begins to which the current lines belong.
struct ModuleSearch {
  const uint64_t* pc;
  int count;
  char* text;
  size_t text_size;
  char path[512] = {};
  size_t path_size = 0;
  uint64_t base = 0;
};

void VisitModule(const Mapping& mapping, void* argument) {
  auto* search = static_cast<ModuleSearch*>(argument);
  if (mapping.path_size == 0) return;
  const size_t known = std::min(mapping.path_size, sizeof(search->path));
  if (known != search->path_size || std::memcmp(search->path, mapping.path, known) != 0) {
    std::memcpy(search->path, mapping.path, known);
    search->path_size = known;
    search->base = mapping.begin;
  }
  for (int i = 0; i < search->count; ++i) {
    if (search->pc[i] < mapping.begin || search->pc[i] >= mapping.end) continue;
    WriteModule(mapping.path, mapping.path_size, search->pc[i] - search->base,
                search->text + static_cast<size_t>(i) * search->text_size, search->text_size);
  }
}

// The frame's function by the file's own symbols. It is cached, because a processor often throws from the
// same place, and to search a large library takes milliseconds.
std::string NameFromFile(uintptr_t pc, const Frame& frame) {
  constexpr size_t kRemembered = 4096;  // a processor throws from fewer places; about 1 MiB of names
  static std::mutex mutex;
  static std::unordered_map<uintptr_t, std::string> names;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto known = names.find(pc);
  if (known != names.end()) return known->second;
  if (names.size() == kRemembered) names.clear();
  return names[pc] = Demangle(FunctionAt(frame.module, frame.offset).c_str());
}

// The file of a library that the linker has found below the working directory ("-Wl,-rpath=."), where nobody
// else would look for it.
std::string AbsolutePath(const char* path, uintptr_t pc) {
  if (path[0] == '/') return path;
  char module[4200];
  const uint64_t address = pc;
  WriteModules(&address, 1, module, sizeof(module));
  const std::string text = module;
  const std::string found = text.substr(0, text.rfind("+0x"));
  return found.empty() ? path : found;
}

}  // namespace

void WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc), volatile int* count) {
  Walk walk{pc, max, count, stop};
  _Unwind_Backtrace(&Visit, &walk);
}

int WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc)) {
  volatile int count = 0;
  WalkStack(pc, max, stop, &count);
  return count;
}

void WriteModules(const uint64_t* pc, int count, char* text, size_t text_size) {
  for (int i = 0; i < count; ++i) text[static_cast<size_t>(i) * text_size] = '\0';
  ModuleSearch search{pc, count, text, text_size};
  ReadMaps(&VisitModule, &search);
}

std::string Demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  const std::string text = readable != nullptr ? readable.get() : name;
  return text.substr(
      0, text.find(" [clone "));  // a part that the compiler has split off belongs to the function
}

Frame DescribeFrame(uintptr_t pc) {
  Frame frame;
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(pc), &info) == 0) {
    frame.offset = pc;
    return frame;
  }
  if (info.dli_fname != nullptr) frame.module = AbsolutePath(info.dli_fname, pc);
  frame.offset = pc - reinterpret_cast<uintptr_t>(info.dli_fbase);
  frame.function = info.dli_sname != nullptr ? Demangle(info.dli_sname) : NameFromFile(pc, frame);
  return frame;
}

Frame DescribeText(const std::string& text) {
  Frame frame;
  const size_t plus = text.rfind("+0x");
  frame.module = text.substr(0, plus);
  if (plus == std::string::npos) return frame;
  frame.offset = std::strtoull(text.c_str() + plus + 3, nullptr, 16);
  frame.function = Demangle(FunctionAt(frame.module, frame.offset).c_str());
  return frame;
}

std::string Frame::Text() const {
  char place[32];
  std::snprintf(place, sizeof(place), "+0x%zx)", static_cast<size_t>(offset));
  return (function.empty() ? "??" : function) + " (" + (module.empty() ? "??" : module) + place;
}

}  // namespace eas
