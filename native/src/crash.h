// Records for the front how a worker dies: a handler of the fatal signals, and a hook on exit(). Ends that
// neither sees are in exits.h.
//
// Strategy: the most important fact is which request was running, so that only this request is blamed. These
// few words are written first, with plain stores into the ring, and made valid by the release store of the
// record's kind. Only then follows what may fail in a broken process: to look at the fault, to walk the stack
// and to look up the modules. A step that faults is left, and the handler goes on with what there is; if one
// hangs, an alarm ends the process after a second. At the end the handler restores the default action and
// raises the signal again, so that the parent sees the original signal.
//
// A JVM has handlers of its own, which it needs for its work. It saves those that it finds when it starts,
// and calls them for the faults that it does not know ("signal chaining"). Ours records the culprit and lets
// the JVM go on, which then reports the crash, with its Java frames, and aborts. That report goes to a file
// of the front's and not among the lines of the processor.
//
// After a stack overflow there is no stack for the handler, so each thread that runs requests has an
// alternate one.
#ifndef EAS_NATIVE_CRASH_H_
#define EAS_NATIVE_CRASH_H_

#include <cstdint>

#include "ring.h"

namespace eas {

// See eas_crash_install.
void InstallCrashHandler(Ring& ring, uint32_t worker, int signals);

// See eas_crash_report.
void SetCrashReport(int fd);

// Records that the calling thread ends this process now, by a call of exit() (`kind` EAS_CRASH_EXIT) or of
// one of its like, or by a signal. Returns whether this process is a worker and this is its first fatal
// event; the caller must end it at once.
bool RecordEnd(int kind, int signal, int code);

// See eas_crash_exit.
void RecordExit(int status);

// See eas_worker_enter.
void EnterThread(uint32_t worker, uint32_t thread);

}  // namespace eas

#endif  // EAS_NATIVE_CRASH_H_
