// Records for the front how a worker dies: a handler of the fatal signals, and a hook on exit().
//
// Strategy: the most important fact is which request was running, so that only this request is blamed. These
// few words are written first, with plain stores into the ring, and made valid by the release store of the
// record's kind. Only then follows what may fail in a broken process: to walk the stack and to look up the
// modules. If that faults, the signal is blocked in the handler, and the kernel ends the process at once; if
// it hangs, an alarm ends the process after a second. At the end the handler restores the default action and
// raises the signal again, so that the parent sees the original signal.
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

// See eas_worker_enter.
void EnterThread(uint32_t worker, uint32_t thread);

}  // namespace eas

#endif  // EAS_NATIVE_CRASH_H_
