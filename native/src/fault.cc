#include "fault.h"

#include <pthread.h>

#include "api.h"
#include "maps_reader.h"

namespace eas {
namespace {

// How far below the stack pointer a function may write: x86-64's red zone has 128 bytes, and code that checks
// whether the stack suffices touches the next page.
constexpr uintptr_t kBelowStack = 4096;

constexpr uintptr_t kGuard = 64 << 10;  // glibc's guard of a stack: one page, of up to 64 KiB

constexpr int kKernel = 0x80;  // SI_KERNEL: on x86, no address that a page could have

#if defined(__x86_64__)
uintptr_t StackPointer(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
}

uint64_t Word(uintptr_t at) {
  return at % sizeof(uint64_t) == 0 ? *reinterpret_cast<const uint64_t*>(at) : 0;
}

// Whether the processor was to return to where no code can be. The `ret` itself fails if that is no address
// at all; otherwise the next instruction cannot be fetched, and the address still lies where `ret` found it.
bool IsReturn(int code, uintptr_t pc, uintptr_t address, uintptr_t stack) {
  if (code != kKernel) return pc == address && pc != 0 && Word(stack - sizeof(uint64_t)) == pc;
  const auto* instruction = reinterpret_cast<const uint8_t*>(pc);
  return instruction[0] == 0xC3 || (instruction[0] == 0xF3 && instruction[1] == 0xC3);
}

bool IsWrite(const ucontext_t& context) { return (context.uc_mcontext.gregs[REG_ERR] & 2) != 0; }
#elif defined(__aarch64__)
uintptr_t StackPointer(const ucontext_t& context) { return static_cast<uintptr_t>(context.uc_mcontext.sp); }

bool IsReturn(int, uintptr_t, uintptr_t, uintptr_t) { return false; }

bool IsWrite(const ucontext_t&) { return false; }
#else
uintptr_t StackPointer(const ucontext_t&) { return 0; }

bool IsReturn(int, uintptr_t, uintptr_t, uintptr_t) { return false; }

bool IsWrite(const ucontext_t&) { return false; }
#endif

// What is mapped around an address.
struct Surroundings {
  uintptr_t address;
  uintptr_t stack;           // the stack pointer
  bool usable = false;       // there is memory at the address
  bool stack_below = false;  // the stack pointer is in memory below the address
  uint64_t next_end = 0;     // where the next memory above the address ends; 0 if there is none
};

void VisitMapping(const Mapping& mapping, void* argument) {
  auto* around = static_cast<Surroundings*>(argument);
  if (!mapping.readable && !mapping.writable) return;  // a guard page
  if (mapping.end <= around->address) {
    around->stack_below =
        around->stack_below || (around->stack >= mapping.begin && around->stack < mapping.end);
  } else if (mapping.begin <= around->address) {
    around->usable = true;
  } else if (around->next_end == 0) {
    around->next_end = mapping.end;
  }
}

// A stack has overflowed if the address is one that the function may use, near the stack pointer or above it,
// and either the stack only begins above the address, or this is the guard page of this very thread: a large
// frame reaches across it, into other memory.
bool IsStackOverflow(const Surroundings& around, uintptr_t stack_low) {
  if (around.usable || around.stack == 0 || around.address + kBelowStack < around.stack) return false;
  if (around.address < stack_low && around.address + kGuard >= stack_low) return true;
  return !around.stack_below && around.stack < around.next_end;
}

}  // namespace

#if defined(__x86_64__)
uintptr_t ProgramCounter(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

// The return address is on top of the stack.
uintptr_t GuessCaller(const ucontext_t& context) { return Word(StackPointer(context)); }
#elif defined(__aarch64__)
uintptr_t ProgramCounter(const ucontext_t& context) { return static_cast<uintptr_t>(context.uc_mcontext.pc); }

uintptr_t GuessCaller(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.regs[30]);
}
#else
uintptr_t ProgramCounter(const ucontext_t&) { return 0; }

uintptr_t GuessCaller(const ucontext_t&) { return 0; }
#endif

uintptr_t LowestOfStack() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  void* lowest = nullptr;
  size_t size = 0;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<uintptr_t>(lowest);
}

int ClassifyFault(int signal, const siginfo_t& info, const ucontext_t& context, uintptr_t stack_low) {
  if (signal != SIGSEGV || info.si_code <= 0) return EAS_FAULT_OTHER;
  const auto address = reinterpret_cast<uintptr_t>(info.si_addr);
  const uintptr_t pc = ProgramCounter(context);
  const uintptr_t stack = StackPointer(context);
  if (IsReturn(info.si_code, pc, address, stack)) return EAS_FAULT_RETURN;
  if (info.si_code == kKernel) return EAS_FAULT_OTHER;
  if (pc == address) return EAS_FAULT_JUMP;
  Surroundings around{address, stack};
  ReadMaps(&VisitMapping, &around);
  if (IsStackOverflow(around, stack_low)) return EAS_FAULT_STACK_OVERFLOW;
  return around.usable && info.si_code == SEGV_ACCERR && IsWrite(context) ? EAS_FAULT_READ_ONLY
                                                                          : EAS_FAULT_OTHER;
}

}  // namespace eas
