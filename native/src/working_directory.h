// Whether the processor has changed the working directory since it was loaded. A relative path that led to a
// file then does not any more, and the exception that follows does not say why.
#ifndef EAS_NATIVE_WORKING_DIRECTORY_H_
#define EAS_NATIVE_WORKING_DIRECTORY_H_

#include <string>

namespace eas {

// Remembers the working directory. Before threads call the processor.
void RememberWorkingDirectory();

// Says how it has changed since: "; the working directory is now /, ..."; "" if it has not.
std::string WorkingDirectoryChange();

}  // namespace eas

#endif  // EAS_NATIVE_WORKING_DIRECTORY_H_
