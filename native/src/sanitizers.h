// The runtimes of sanitizers (ASan, UBSan, TSan, LSan) in the process of a worker, as far as this worker is
// started for them (worker/cpp/sanitized.py).
//
// Strategy: their interface has two functions that are enough. One tells a runtime to which descriptor it
// writes its reports: to a pipe of the front's, so that they are not among the lines of the processor. The
// other has it call us before it ends the process because of an error: on the thread that made the error, so
// the crash record tells which request it ran and where. Each runtime has its own copy of both, and the same
// names; so every library is asked for its own.
//
// The runtime of UBSan alone sets the descriptor itself when it first reports something, so its reports go to
// standard error.
#ifndef EAS_NATIVE_SANITIZERS_H_
#define EAS_NATIVE_SANITIZERS_H_

namespace eas {

// See eas_sanitizers_attach.
void AttachSanitizers(int fd);

}  // namespace eas

#endif  // EAS_NATIVE_SANITIZERS_H_
