#include "exception_guard.h"

#include <cxxabi.h>
#include <unwind.h>

#include <exception>
#include <typeinfo>

#include "frames.h"

// uint64_t eas_trampoline(void (*function)(), const uint64_t *five_arguments)
//
// Loads the arguments, calls the function, and returns its result. Only the line .cfi_personality cannot be
// written in C++. Encoding 0x1b is a signed 32-bit distance from this place, which needs no relocation.
#if defined(__x86_64__)
#define EAS_HAS_TRAMPOLINE 1
asm(R"(
.text
.p2align 4
.hidden eas_trampoline
.globl eas_trampoline
.type eas_trampoline, @function
eas_trampoline:
.cfi_startproc
.cfi_personality 0x1b, eas_personality
  endbr64
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  movq %rdi, %rax
  movq %rsi, %r10
  movq 0(%r10), %rdi
  movq 8(%r10), %rsi
  movq 16(%r10), %rdx
  movq 24(%r10), %rcx
  movq 32(%r10), %r8
  callq *%rax
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  retq
.cfi_endproc
.size eas_trampoline, . - eas_trampoline
.hidden eas_trampoline_end
.globl eas_trampoline_end
eas_trampoline_end:
)");
#elif defined(__aarch64__)
#define EAS_HAS_TRAMPOLINE 1
asm(R"(
.text
.p2align 4
.hidden eas_trampoline
.globl eas_trampoline
.type eas_trampoline, %function
eas_trampoline:
.cfi_startproc
.cfi_personality 0x1b, eas_personality
  stp x29, x30, [sp, #-16]!
  .cfi_def_cfa_offset 16
  .cfi_offset 29, -16
  .cfi_offset 30, -8
  mov x29, sp
  mov x9, x0
  mov x10, x1
  ldp x0, x1, [x10]
  ldp x2, x3, [x10, #16]
  ldr x4, [x10, #32]
  blr x9
  ldp x29, x30, [sp], #16
  .cfi_restore 30
  .cfi_restore 29
  .cfi_def_cfa_offset 0
  ret
.cfi_endproc
.size eas_trampoline, . - eas_trampoline
.hidden eas_trampoline_end
.globl eas_trampoline_end
eas_trampoline_end:
)");
#else
#define EAS_HAS_TRAMPOLINE 0
#endif

extern "C" {
#if EAS_HAS_TRAMPOLINE
__attribute__((visibility("hidden"))) uint64_t eas_trampoline(void (*function)(), const uint64_t* arguments);
extern __attribute__((visibility("hidden"))) const char eas_trampoline_end[];
#endif
__attribute__((visibility("hidden"))) _Unwind_Reason_Code eas_personality(int version, _Unwind_Action actions,
                                                                          uint64_t exception_class,
                                                                          _Unwind_Exception* exception,
                                                                          _Unwind_Context* context);
}

namespace eas {
namespace {

constexpr int kMaxFrames = 48;  // enough to see how the code got there, and short enough for a log

struct Captured {
  uintptr_t pc[kMaxFrames];
  int count;
};

thread_local Captured captured;

#if EAS_HAS_TRAMPOLINE
uint64_t CallFunction(void (*function)(), const Registers& registers) {
  return eas_trampoline(function, registers.value);
}

bool IsTrampoline(uintptr_t pc) {
  return pc >= reinterpret_cast<uintptr_t>(&eas_trampoline) &&
         pc <= reinterpret_cast<uintptr_t>(&eas_trampoline_end);
}
#else
// Without assembly for this machine, the stack is unwound before the exception is caught: there is no trace,
// but everything else works.
uint64_t CallFunction(void (*function)(), const Registers& registers) {
  const uint64_t* value = registers.value;
  auto* five = reinterpret_cast<uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)>(function);
  return five(value[0], value[1], value[2], value[3], value[4]);
}
#endif

bool StartsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

// Whether a frame belongs to the runtime's throw rather than to the processor.
bool IsRuntimeFrame(const Frame& frame) {
  for (const char* prefix :
       {"_Unwind_", "__cxa_", "std::__throw_", "std::rethrow_exception", "__interceptor_"}) {
    if (StartsWith(frame.function, prefix)) return true;
  }
  const std::string file = frame.module.substr(frame.module.rfind('/') + 1);
  for (const char* prefix : {"libgcc_s.", "libstdc++.", "libc++", "libunwind.", "libasan.", "libtsan."}) {
    if (StartsWith(file, prefix)) return true;
  }
  return false;
}

// The captured frames as text. The first two are the unwinder and the runtime's throw, even if they have no
// names (in a stripped static runtime); further frames of the runtime are recognised by name or file.
std::string TraceText() {
  std::string text;
  bool processor = false;
  for (int i = 2; i < captured.count; ++i) {
    const Frame frame = DescribeFrame(captured.pc[i]);
    if (!processor && IsRuntimeFrame(frame)) continue;
    processor = true;
    text += "\n  at " + frame.Text();
  }
  captured.count = 0;
  return text;
}

GuardedResult ThrownResult(std::string type, std::string message) {
  GuardedResult outcome;
  outcome.thrown = {std::move(type), std::move(message), TraceText()};
  return outcome;
}

std::string CurrentType() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type != nullptr ? Demangle(type->name()) : "another language's exception";
}

}  // namespace

GuardedResult CallThroughTrampoline(void (*function)(), const Registers& registers) {
  captured.count = 0;
  try {
    GuardedResult outcome;
    outcome.value = CallFunction(function, registers);
    outcome.returned = true;
    return outcome;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const std::exception& exception) {
    const char* message = exception.what();
    return ThrownResult(CurrentType(), message != nullptr ? message : "");
  } catch (...) {
    const std::string type = CurrentType();
    return ThrownResult(type, "unknown exception of type " + type);
  }
}

}  // namespace eas

#if EAS_HAS_TRAMPOLINE
_Unwind_Reason_Code eas_personality(int, _Unwind_Action actions, uint64_t, _Unwind_Exception*,
                                    _Unwind_Context*) {
  if ((actions & _UA_SEARCH_PHASE) != 0) {
    // This function returns into the unwinder; the frames before that are our own.
    const uintptr_t unwinder = reinterpret_cast<uintptr_t>(__builtin_return_address(0)) - 1;
    eas::Captured& captured = eas::captured;
    captured.count = eas::WalkStack(captured.pc, eas::kMaxFrames, &eas::IsTrampoline);
    int own = 0;
    while (own < captured.count && captured.pc[own] != unwinder) ++own;
    if (own < captured.count) {
      for (int i = own; i < captured.count; ++i) captured.pc[i - own] = captured.pc[i];
      captured.count -= own;
    }
  }
  return _URC_CONTINUE_UNWIND;
}
#endif
