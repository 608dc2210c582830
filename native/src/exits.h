// Has the crash record tell of calls that end the process at once: `_exit`, `_Exit`, `quick_exit`, and `kill`
// and `raise` with SIGKILL.
//
// Strategy: no handler runs at such an end, so the call itself must tell. A library calls the C library
// through pointers in its tables, which the dynamic linker has filled in. Those that lead to these functions
// are replaced by functions that first record who called, as the hook on exit() does (crash.h). Nothing needs
// to be preloaded, and what the processor starts inherits nothing. A call that does not go through the tables
// (`syscall`) is not seen; the front then finds the request by running suspects one at a time.
#ifndef EAS_NATIVE_EXITS_H_
#define EAS_NATIVE_EXITS_H_

#include <cstddef>

namespace eas {

// How many libraries are loaded now, the program included.
size_t CountLibraries();

// Replaces the pointers in all libraries but the first `skip`, in the order in which they were loaded. More
// calls do no harm, and reach what was loaded meanwhile.
void RecordExitsOf(size_t skip);

}  // namespace eas

#endif  // EAS_NATIVE_EXITS_H_
