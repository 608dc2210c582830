// Finds the name of a function in an ELF file, even if the function is not exported.
//
// The dynamic linker knows only the functions that a shared object exports: `initialize` and `process` of a
// processor. The names of all others are in the file's own symbol table, unless the file was stripped.
#ifndef EAS_NATIVE_SYMBOLS_H_
#define EAS_NATIVE_SYMBOLS_H_

#include <cstdint>
#include <string>

namespace eas {

// The function in the file `path` that contains `offset`, which counts from the file's first mapping;
// mangled, "" if it is unknown. Reads the file: not for signal handlers. Any file content is safe.
std::string FunctionAt(const std::string& path, uint64_t offset);

}  // namespace eas

#endif  // EAS_NATIVE_SYMBOLS_H_
