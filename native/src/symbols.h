// The name of a function in an ELF file, also of one that is not exported.
//
// The dynamic linker knows only what a shared object exports, and of a processor that is just `initialize`
// and `process`. The names of all its other functions are in the file's own symbol table, unless it was
// stripped.
#ifndef EAS_NATIVE_SYMBOLS_H_
#define EAS_NATIVE_SYMBOLS_H_

#include <cstdint>
#include <string>

namespace eas {

// The function of the file `path` that covers `offset`, counted from where the file's first mapping lies;
// mangled, "" if it is unknown. Reads the file: not for signal handlers. Any file content is safe.
std::string FunctionAt(const std::string& path, uint64_t offset);

}  // namespace eas

#endif  // EAS_NATIVE_SYMBOLS_H_
