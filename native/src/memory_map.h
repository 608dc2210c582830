// What is at an address: a library's constants, code or data, a thread's stack, the heap, or nothing.
#ifndef EAS_NATIVE_MEMORY_MAP_H_
#define EAS_NATIVE_MEMORY_MAP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace eas {

// Reads memory that may not be there. kCannotTell: the system does not allow to ask.
enum class Readable { kYes, kNo, kCannotTell };
Readable ReadMemory(uintptr_t at, void* to, size_t size);

// Addresses from `begin` to before `end`.
struct AddressRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  bool Has(uintptr_t at) const { return at >= begin && at < end; }
};

// The stack of the calling thread.
AddressRange StackOfThisThread();

// The first range that /proc/self/maps shows under this name, such as "[heap]"; empty if there is none.
AddressRange FindMapping(const char* name);

enum class Segment { kNone, kConstants, kCode, kData };

// A part of a library or of the program, as the dynamic linker has mapped it.
struct Module {
  Segment segment = Segment::kNone;
  std::string file;  // its name without folders; "" for the program itself
};

// The module that `at` belongs to, as it is loaded now.
Module ModuleAt(uintptr_t at);

// The file of the module that has a thread_local variable of the calling thread at `at`; "" if there is none.
std::string ThreadLocalModuleAt(uintptr_t at);

// The ranges of all modules that are loaded now, in order. One that is unloaded later is still among them, so
// ask ModuleAt about what is found here.
std::vector<AddressRange> ModuleRanges();

// The name of the file, or of the special memory, that is mapped at `at`; "" for memory without a name.
// `mapped` tells whether there is any.
std::string MappingAt(uintptr_t at, bool* mapped);

}  // namespace eas

#endif  // EAS_NATIVE_MEMORY_MAP_H_
