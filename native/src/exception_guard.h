// Calls a processor's function and catches its exceptions, with their type, their message and the stack at
// the throw.
//
// Strategy: a C++ exception is raised in two phases. In the first, the unwinder only searches: it asks the
// personality routine of each frame, from the throw upwards, whether the frame catches, and the stack of the
// throw is still intact. So the processor is called through a trampoline, a few instructions of assembly,
// with a personality routine of our own. It catches nothing, but walks the stack when the unwinder asks it,
// which happens exactly when no frame of the processor catches the exception. The catch clauses of
// CallThroughTrampoline, one frame further up, then end the search.
//
// No function of the runtime is replaced (such as __cxa_throw), so this works with any runtime: with a
// processor that has its own static libstdc++, exceptions of other languages, and rethrown exceptions.
#ifndef EAS_NATIVE_EXCEPTION_GUARD_H_
#define EAS_NATIVE_EXCEPTION_GUARD_H_

#include <cstdint>
#include <string>
#include <type_traits>

// For a function with a clause `catch (const abi::__forced_unwind&)`: it catches a null reference, which the
// undefined sanitizer would report.
#define EAS_CATCHES_FORCED_UNWIND __attribute__((no_sanitize("null")))

namespace eas {

struct Thrown {
  std::string type;     // demangled
  std::string message;  // what(), or "unknown exception of type X"
  std::string trace;    // "\n  at function (path+0xoffset)" for each frame of the processor, innermost first
};

struct GuardedResult {
  bool returned = false;
  uint64_t value = 0;  // the return register, if it returned
  Thrown thrown;       // if it threw
};

// The arguments of a guarded call, as the registers that the trampoline loads.
struct Registers {
  uint64_t value[5] = {};
};

// Calls `function` with `registers`. Catches all exceptions but abi::__forced_unwind (pthread_exit,
// pthread_cancel), which must go on.
EAS_CATCHES_FORCED_UNWIND GuardedResult CallThroughTrampoline(void (*function)(), const Registers& registers);

// An argument as an integer register holds it.
template <typename T>
uint64_t AsRegister(T value) {
  static_assert(std::is_integral_v<T> || std::is_pointer_v<T>,
                "only integers and pointers are passed in registers");
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<uint64_t>(value);
  } else {
    return static_cast<uint64_t>(value);
  }
}

// Calls a C function of at most five integer or pointer arguments.
template <typename Result, typename... Parameters, typename... Arguments>
GuardedResult CallGuarded(Result (*function)(Parameters...), Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments) && sizeof...(Parameters) <= 5);
  const Registers registers{{AsRegister(static_cast<Parameters>(arguments))...}};
  return CallThroughTrampoline(reinterpret_cast<void (*)()>(function), registers);
}

}  // namespace eas

#endif  // EAS_NATIVE_EXCEPTION_GUARD_H_
