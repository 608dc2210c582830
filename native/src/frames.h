// Stack frames: collects them, and finds the file and the function of each.
//
// There are two ways from an address to a file. The crash handler may only use system calls, so WriteModules
// reads /proc/self/maps. Elsewhere DescribeFrame asks the dynamic linker, and demangles the name.
#ifndef EAS_NATIVE_FRAMES_H_
#define EAS_NATIVE_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace eas {

// Collects the frames above the caller, innermost first, until `stop` is true for one (which is left out),
// until there are `max`, or until the stack ends. A caller's pc is moved back into its call instruction, so
// that it names the line of the call and not the next one. Async-signal-safe as far as the unwinder is, which
// in glibc 2.35 and later takes no lock.
int WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc));

// A `stop` for the whole stack.
inline bool NeverStop(uintptr_t) { return false; }

// The same, but adds to *count one by one: what was found before the walk failed can be used.
void WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc), volatile int* count);

// Writes for each of `count` addresses "path+0xoffset", relative to the file's first mapping, or "" where no
// file is mapped. A path too long for `text_size` loses its beginning. Async-signal-safe.
void WriteModules(const uint64_t* pc, int count, char* text, size_t text_size);

// A frame as text for people.
struct Frame {
  std::string function;  // demangled; "" unknown
  std::string module;    // path; "" unknown
  uintptr_t offset = 0;  // of the address in it

  // "function (path+0xoffset)"
  std::string Text() const;
};

// Describes an address in this process. If the dynamic linker has no name for it, reads the file, which is
// slow if the file is large.
Frame DescribeFrame(uintptr_t pc);

// Describes a frame from a text that WriteModules has made, in any process.
Frame DescribeText(const std::string& text);

// The readable form of a mangled name, or the name itself.
std::string Demangle(const char* name);

}  // namespace eas

#endif  // EAS_NATIVE_FRAMES_H_
