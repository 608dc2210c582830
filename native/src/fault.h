// What kind of fault a SIGSEGV was, as far as the registers and the memory's mappings tell.
#ifndef EAS_NATIVE_FAULT_H_
#define EAS_NATIVE_FAULT_H_

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

namespace eas {

// Where the signal interrupted the thread; 0 on machines whose registers are not known here.
uintptr_t ProgramCounter(const ucontext_t& context);

// The caller of the place that a call of a bad pointer led to.
uintptr_t GuessCaller(const ucontext_t& context);

// The lowest address of the calling thread's stack; 0 if the system does not tell.
uintptr_t LowestOfStack();

// One of EAS_FAULT_*. `stack_low` is LowestOfStack() of the thread, 0 if it is not known. Async-signal-safe.
int ClassifyFault(int signal, const siginfo_t& info, const ucontext_t& context, uintptr_t stack_low);

}  // namespace eas

#endif  // EAS_NATIVE_FAULT_H_
