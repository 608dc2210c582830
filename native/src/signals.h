// The signals that a Python process of the host handles, such as SIGTERM and SIGINT. A forked child must not
// inherit the handlers, and a JVM in the same process must not replace them.
#ifndef EAS_NATIVE_SIGNALS_H_
#define EAS_NATIVE_SIGNALS_H_

namespace eas {

// Each of these is documented in api.h at the function of the same name, eas_signal_*.
void TakeSignal(int number, bool ignored);
void ForgetSignals();
void BlockSignals();
void UnblockSignals();
void RestoreSignals();
void KeepSignalsRestored();

}  // namespace eas

#endif  // EAS_NATIVE_SIGNALS_H_
