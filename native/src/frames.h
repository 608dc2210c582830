// Stack frames: to collect them, and to say where in which file they are.
//
// There are two ways from an address to a file. The crash handler may only use system calls, so WriteModule
// reads /proc/self/maps. Elsewhere DescribeFrame asks the dynamic linker and demangles.
#ifndef EAS_NATIVE_FRAMES_H_
#define EAS_NATIVE_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace eas {

// The frames above the caller, innermost first, until `stop` says so of one (which is left out), `max` are
// there, or the stack ends. A caller's pc is moved back into its call instruction, so that it names the line
// of the call and not the next one. Async-signal-safe as far as the unwinder is, which in glibc 2.35 and
// later takes no lock.
int WalkStack(uintptr_t* pc, int max, bool (*stop)(uintptr_t pc));

// For each of `count` addresses: "path+0xoffset" relative to where the file's first mapping lies, "" where no
// file is mapped. A path too long for `text_size` loses its beginning. Async-signal-safe.
void WriteModules(const uint64_t* pc, int count, char* text, size_t text_size);

// A frame for a reader.
struct Frame {
  std::string function;  // demangled; "" unknown
  std::string module;    // path; "" unknown
  uintptr_t offset = 0;  // of the address in it

  // "function (path+0xoffset)"
  std::string Text() const;
};

// Of an address in this process. Looks into the file if the dynamic linker has no name, which is slow for a
// large one.
Frame DescribeFrame(uintptr_t pc);

// Of a text that WriteModules made, in any process.
Frame DescribeText(const std::string& text);

// The readable form of a mangled name, or the name itself.
std::string Demangle(const char* name);

}  // namespace eas

#endif  // EAS_NATIVE_FRAMES_H_
