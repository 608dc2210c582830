// A stopped copy of a process that crashes, for a debugger.
#ifndef EAS_NATIVE_CRASH_COPY_H_
#define EAS_NATIVE_CRASH_COPY_H_

namespace eas {

// Leaves a stopped copy of this process behind, which `signal` is about to end, and logs its number.
// [a handler of the signal]
void KeepStoppedCopy(int signal);

}  // namespace eas

#endif  // EAS_NATIVE_CRASH_COPY_H_
