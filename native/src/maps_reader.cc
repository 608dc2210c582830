#include "maps_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace eas {
namespace {

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

// A line is "begin-end perms offset dev inode   path".
Mapping ParseMapping(const char* at, const char* end) {
  Mapping mapping;
  mapping.begin = ParseHex(at, end);
  if (at < end) ++at;
  mapping.end = ParseHex(at, end);
  if (end - at > 2) {
    mapping.readable = at[1] == 'r';
    mapping.writable = at[2] == 'w';
  }
  for (int field = 0; field < 4; ++field) {  // perms, offset, dev, inode
    while (at < end && *at == ' ') ++at;
    while (at < end && *at != ' ') ++at;
  }
  while (at < end && *at == ' ') ++at;
  mapping.path = at;
  mapping.path_size = static_cast<size_t>(end - at);
  return mapping;
}

}  // namespace

void ReadMaps(void (*visit)(const Mapping& mapping, void* argument), void* argument) {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
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
      visit(ParseMapping(line, newline), argument);
      line = newline + 1;
    }
    held = static_cast<size_t>(end - line);
    std::memmove(buffer, line, held);
    if (held == sizeof(buffer)) break;
  }
  close(fd);
}

}  // namespace eas
