// The wall between a processor's code and ours: a call whose exceptions stop here, with their type, their
// message and the stack at the throw.
//
// Strategy: a C++ exception is raised in two phases. First the unwinder only searches: it asks each frame's
// personality routine, from the throw upwards, whether it catches, and the throwing stack is still whole. So
// the processor is called through a trampoline, a few instructions of assembly, whose personality routine is
// ours. It catches nothing; it only walks the stack when it is asked, which happens exactly when no frame of
// the processor wants the exception. The catch clauses of CallGuarded, one frame further up, then end the
// search.
//
// Nothing is interposed (no __cxa_throw of ours), so it works with any runtime: a processor that is linked
// with its own static libstdc++, exceptions of other languages, rethrown exceptions.
#ifndef EAS_NATIVE_BARRIER_H_
#define EAS_NATIVE_BARRIER_H_

#include <cstdint>
#include <string>
#include <type_traits>

// For a function with a clause `catch (const abi::__forced_unwind&)`: what it catches is a reference to
// nothing, and the undefined sanitizer would report that.
#define EAS_CATCHES_FORCED_UNWIND __attribute__((no_sanitize("null")))

namespace eas {

struct Thrown {
  std::string type;     // demangled
  std::string message;  // what(), or "unknown exception of type X"
  std::string trace;    // "\n  at function (path+0xoffset)" for each frame of the processor, innermost first
};

struct Outcome {
  bool returned = false;
  uint64_t value = 0;  // the return register, if it returned
  Thrown thrown;       // if it threw
};

// The arguments of a guarded call, as the registers that the trampoline loads.
struct Registers {
  uint64_t value[5] = {};
};

// Calls `function` with `registers`. Exceptions end here, but for abi::__forced_unwind (pthread_exit,
// pthread_cancel), which nobody may stop.
EAS_CATCHES_FORCED_UNWIND Outcome CallThroughTrampoline(void (*function)(), const Registers& registers);

// An argument as it travels in an integer register.
template <typename T>
uint64_t AsRegister(T value) {
  static_assert(std::is_integral_v<T> || std::is_pointer_v<T>,
                "only integers and pointers travel in registers");
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<uint64_t>(value);
  } else {
    return static_cast<uint64_t>(value);
  }
}

// Calls a C function of at most five integer or pointer arguments.
template <typename Result, typename... Parameters, typename... Arguments>
Outcome CallGuarded(Result (*function)(Parameters...), Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments) && sizeof...(Parameters) <= 5);
  const Registers registers{{AsRegister(static_cast<Parameters>(arguments))...}};
  return CallThroughTrampoline(reinterpret_cast<void (*)()>(function), registers);
}

}  // namespace eas

#endif  // EAS_NATIVE_BARRIER_H_
