// What the C library, or an exception that nobody has caught, says of an abort.
//
// Both are found where they lie, by names that are looked up before anything fails: glibc keeps its message
// in a variable, for debuggers, and a C++ runtime tells the exception that it handles. A processor may have
// a C++ runtime of its own, so its library is asked for it.
#ifndef EAS_NATIVE_LAST_WORDS_H_
#define EAS_NATIVE_LAST_WORDS_H_

#include <cstddef>

namespace eas {

// Looks the names up. Before WriteAbortMessage.
void FindAbortMessage();

// Looks up the C++ runtime of a library that dlopen has returned. Before WriteException.
void FindRuntime(void* library);

// Writes glibc's message: "free(): invalid pointer". `text` stays as it is if there is none.
// Async-signal-safe.
void WriteAbortMessage(char* text, size_t size);

// Writes type, mangled, and what() of the exception that this thread handles. Both stay as they are if there
// is none. Only for a thread that has called abort: what() may do anything.
void WriteException(char* type, size_t type_size, char* what, size_t what_size);

}  // namespace eas

#endif  // EAS_NATIVE_LAST_WORDS_H_
