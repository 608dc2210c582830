// How a worker dies, told to the front: a handler of the fatal signals, and a watch on exit().
//
// Theory: what matters is who did it, so that only the guilty request is blamed. That is a few words, and
// they are written first, with plain stores into the ring, and sealed by the release store of the record's
// kind. Only then comes what may go wrong in a broken process: to walk the stack and to look up the modules.
// If that faults, the fault is blocked in here and the kernel ends the process at once; if it hangs, an alarm
// ends it after a second. At the end the default action is restored and the signal raised again, so that the
// parent sees the true one.
//
// A stack overflow leaves no stack to handle it on, so each thread that runs requests has an alternate one.
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
