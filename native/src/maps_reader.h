// Reads which memory of this process is mapped, from /proc/self/maps, with system calls alone.
#ifndef EAS_NATIVE_MAPS_READER_H_
#define EAS_NATIVE_MAPS_READER_H_

#include <cstddef>
#include <cstdint>

namespace eas {

// One line of /proc/self/maps.
struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool readable = false;
  bool writable = false;
  const char* path = nullptr;  // not terminated; in the buffer of the reader
  size_t path_size = 0;        // 0: anonymous memory, such as the .bss between two mappings of one file
};

// Calls visit(mapping, argument) for each mapping, in the order of their addresses. Async-signal-safe.
void ReadMaps(void (*visit)(const Mapping& mapping, void* argument), void* argument);

}  // namespace eas

#endif  // EAS_NATIVE_MAPS_READER_H_
