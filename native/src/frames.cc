#include "frames.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "symbols.h"

namespace eas {
namespace {

struct Walk {
  uintptr_t* pc;
  int max;
  int count;
  bool (*stop)(uintptr_t pc);
};

_Unwind_Reason_Code Visit(_Unwind_Context* context, void* argument) {
  auto* walk = static_cast<Walk*>(argument);
  int before_instruction = 0;
  const uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  if (ip == 0 || walk->count == walk->max || walk->stop(ip)) return _URC_NORMAL_STOP;
  walk->pc[walk->count++] = before_instruction != 0 ? ip : ip - 1;
  return _URC_NO_REASON;
}

// One line of /proc/self/maps: "begin-end perms offset dev inode   path".
struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  const char* path = nullptr;  // not terminated
  size_t path_size = 0;
};

uint64_t ParseHex(const char*& at, const char* end) {
  uint64_t value = 0;
  for (; at < end; ++at) {
    const char c = *at;
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4 | static_cast<uint64_t>(c - 'a' + 10);
    } else {
      break;
    }
  }
  return value;
}

Mapping ParseMapping(const char* at, const char* end) {
  Mapping mapping;
  mapping.begin = ParseHex(at, end);
  if (at < end) ++at;
  mapping.end = ParseHex(at, end);
  for (int field = 0; field < 4; ++field) {  // perms, offset, dev, inode
    while (at < end && *at == ' ') ++at;
    while (at < end && *at != ' ') ++at;
  }
  while (at < end && *at == ' ') ++at;
  mapping.path = at;
  mapping.path_size = static_cast<size_t>(end - at);
  return mapping;
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

// Reads the lines of the maps file, and remembers where the file begins to which the current lines belong.
class MapsReader {
 public:
  MapsReader(const uint64_t* pc, int count, char* text, size_t text_size)
      : pc_(pc), count_(count), text_(text), text_size_(text_size) {}

  void Line(const char* begin, const char* end) {
    const Mapping mapping = ParseMapping(begin, end);
    if (mapping.path_size == 0) return;  // anonymous, such as the .bss between two mappings of one file
    const size_t known = std::min(mapping.path_size, sizeof(path_));
    if (known != path_size_ || std::memcmp(path_, mapping.path, known) != 0) {
      std::memcpy(path_, mapping.path, known);
      path_size_ = known;
      base_ = mapping.begin;
    }
    for (int i = 0; i < count_; ++i) {
      if (pc_[i] < mapping.begin || pc_[i] >= mapping.end) continue;
      WriteModule(mapping.path, mapping.path_size, pc_[i] - base_,
                  text_ + static_cast<size_t>(i) * text_size_, text_size_);
    }
  }

 private:
  const uint64_t* pc_;
  int count_;
  char* text_;
  size_t text_size_;
  char path_[512];
  size_t path_size_ = 0;
  uint64_t base_ = 0;
};

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

}  // namespace

int WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc)) {
  Walk walk{pc, max, 0, stop};
  _Unwind_Backtrace(&Visit, &walk);
  return walk.count;
}

void WriteModules(const uint64_t* pc, int count, char* text, size_t text_size) {
  for (int i = 0; i < count; ++i) text[static_cast<size_t>(i) * text_size] = '\0';
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  MapsReader reader(pc, count, text, text_size);
  char buffer[8192];  // longer than any line: a path has at most 4096 bytes
  size_t held = 0;
  for (;;) {
    const ssize_t got = read(fd, buffer + held, sizeof(buffer) - held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    held += static_cast<size_t>(got);
    const char* line = buffer;
    const char* const end = buffer + held;
    while (const auto* newline =
               static_cast<const char*>(std::memchr(line, '\n', static_cast<size_t>(end - line)))) {
      reader.Line(line, newline);
      line = newline + 1;
    }
    held = static_cast<size_t>(end - line);
    std::memmove(buffer, line, held);
    if (held == sizeof(buffer)) break;
  }
  close(fd);
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
  if (info.dli_fname != nullptr) frame.module = info.dli_fname;
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
