// The signals that a Python process of the host has taken: SIGTERM, SIGINT and the like. Two others of the
// same process must not get them: a child that is forked, and a JVM.
#ifndef EAS_NATIVE_SIGNALS_H_
#define EAS_NATIVE_SIGNALS_H_

namespace eas {

// Each of these is documented at its eas_signal_* namesake in api.h.
void TakeSignal(int number, bool ignored);
void ForgetSignals();
void HoldSignals();
void ReleaseSignals();
void RestoreSignals();
void GuardSignals();

}  // namespace eas

#endif  // EAS_NATIVE_SIGNALS_H_
