#include "crash.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "frames.h"
#include "identity.h"

namespace eas {
namespace {

constexpr int kAllSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
constexpr int kAbortSignals[] = {SIGABRT};

// Our handler's own frames lie above those that matter.
constexpr int kWalkFrames = EAS_FRAMES + 16;

// The handler needs 9 KiB for the maps file and 5 KiB for the unwinder; the kernel's frame comes on top (3
// KiB with AVX-512, 11 KiB with AMX), which _SC_MINSIGSTKSZ knows.
constexpr size_t kAlternateStack = 64 << 10;

// A hang in the handler would keep the request, and the front waiting for this process's end.
constexpr unsigned kPatience = 1;  // seconds

// Written once by InstallCrashHandler, before there are threads.
const Ring* watched = nullptr;
WorkerRecord* record = nullptr;
uint32_t record_worker = 0;
pid_t record_process = 0;
bool needs_alternate_stack = false;

std::atomic_flag recorded = ATOMIC_FLAG_INIT;  // only the first death counts
volatile sig_atomic_t dying_of = 0;

// Ends the process by `signal`, as if nobody had handled it.
[[noreturn]] void Die(int signal) {
  struct sigaction original{};
  original.sa_handler = SIG_DFL;
  sigaction(signal, &original, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(signal);
  _exit(128 + signal);
}

void OnAlarm(int) { Die(dying_of); }

void StartAlarm() {
  struct sigaction action{};
  action.sa_handler = &OnAlarm;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  alarm(kPatience);
}

// The requests that the calling thread holds: how many, and one of them. By the states, because a request is
// not always completed by the thread that took it.
struct Held {
  uint32_t count = 0;
  uint32_t slot = 0;
  uint32_t sequence = 0;
};

Held HeldHere() {
  Held held;
  if (!this_thread.entered || this_thread.worker != record_worker) return held;
  for (uint32_t slot = 0; slot < watched->layout.shape.slots; ++slot) {
    const State state = Unpack(watched->controls[slot].state.load(std::memory_order_relaxed));
    if (state.phase != Phase::kRunning || state.worker != record_worker ||
        state.thread != this_thread.thread) {
      continue;
    }
    held = {held.count + 1, slot, state.sequence};
  }
  return held;
}

// The part that tells who did it. Plain stores, then the release store that makes the record valid.
void RecordCulprit(int kind, int signal, int code, uint64_t address, const Held& held) {
  eas_crash& crash = record->crash;
  const bool guilty = held.count == 1;  // of several nobody knows which it was
  crash.kind = kind;
  crash.signal = signal;
  crash.code = code;
  crash.slot = guilty ? static_cast<int32_t>(held.slot) : -1;
  crash.sequence = guilty ? held.sequence : 0;
  crash.thread = this_thread.thread;
  crash.address = address;
  record->crash_frames.store(0, std::memory_order_relaxed);
  record->crash_kind.store(kind, std::memory_order_release);
}

void RecordFrames(const uintptr_t* pc, int count) {
  eas_crash& crash = record->crash;
  if (count > EAS_FRAMES) count = EAS_FRAMES;
  for (int i = 0; i < count; ++i) {
    crash.pc[i] = pc[i];
    crash.frame[i][0] = '\0';
  }
  // The addresses are there even if reading the maps fails.
  record->crash_frames.store(static_cast<uint32_t>(count), std::memory_order_release);
  WriteModules(crash.pc, count, crash.frame[0], sizeof(crash.frame[0]));
}

bool NeverStop(uintptr_t) { return false; }

#if defined(__x86_64__)
uintptr_t ProgramCounter(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

// After a call through a bad pointer the return address is still on top of the stack.
uintptr_t GuessCaller(const ucontext_t& context) {
  const auto stack = static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
  return stack % sizeof(uintptr_t) == 0 ? *reinterpret_cast<const uintptr_t*>(stack) : 0;
}
#elif defined(__aarch64__)
uintptr_t ProgramCounter(const ucontext_t& context) { return static_cast<uintptr_t>(context.uc_mcontext.pc); }

uintptr_t GuessCaller(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.regs[30]);
}
#else
uintptr_t ProgramCounter(const ucontext_t&) { return 0; }

uintptr_t GuessCaller(const ucontext_t&) { return 0; }
#endif

// The stack from where the signal struck: below the handler's own frames. If the unwinder does not know that
// place (a jump into nowhere), the place and its caller are all that can be told.
void RecordStackOf(const ucontext_t& context) {
  uintptr_t pc[kWalkFrames];
  const int count = WalkStack(pc, kWalkFrames, &NeverStop);
  const uintptr_t place = ProgramCounter(context);
  for (int i = 0; i < count; ++i) {
    if (pc[i] == place) return RecordFrames(pc + i, count - i);
  }
  RecordFrames(&place, 1);
  // Only now, because this reads the stack, and may be the last thing that this process does.
  const uintptr_t known[] = {place, GuessCaller(context) - 1};
  RecordFrames(known, 2);
}

void OnFatalSignal(int signal, siginfo_t* info, void* context) {
  if (getpid() != record_process)
    Die(signal);  // a child that the processor forked: no concern of the front's
  // A second thread that dies meanwhile waits for the first one to end the process.
  while (recorded.test_and_set(std::memory_order_acq_rel)) pause();
  const bool sent = info->si_code <= 0;  // by kill() and its like
  // abort() and raise() send, too, but to the thread that calls them. What any thread sends to the process
  // may strike another one: whose request runs there has not done it.
  const bool ours = !sent || (info->si_code == SI_TKILL && info->si_pid == getpid());
  RecordCulprit(EAS_CRASH_SIGNAL, signal, info->si_code, sent ? 0 : reinterpret_cast<uint64_t>(info->si_addr),
                ours ? HeldHere() : Held{});
  dying_of = signal;
  StartAlarm();
  RecordStackOf(*static_cast<const ucontext_t*>(context));
  Die(signal);
}

// exit() inside a request, or on a thread of the processor's own while requests run. Without this the worker
// would end in good order, destroying what other requests use and taking them with it.
void OnExit(int status, void*) {
  if (getpid() != record_process) return;
  const Held held = HeldHere();
  if (held.count == 0 && watched->stopping.load(std::memory_order_acquire)) return;  // in good order it is
  if (recorded.test_and_set(std::memory_order_acq_rel)) return;
  RecordCulprit(EAS_CRASH_EXIT, 0, status, 0, held);
  dying_of = SIGABRT;
  StartAlarm();
  uintptr_t pc[EAS_FRAMES];
  RecordFrames(pc, WalkStack(pc, EAS_FRAMES, &NeverStop));
  fflush(stdout);  // "no licence, giving up" would be lost
  _exit(status);
}

// A thread's own stack for signal handlers, with an unmapped page below. Gone with the thread.
class AlternateStack {
 public:
  void Enter() {
    if (base_ != nullptr) return;
    const size_t page = PageSize();
    const long least = sysconf(_SC_MINSIGSTKSZ);
    const size_t stack = kAlternateStack + (least > 0 ? static_cast<size_t>(least) : 0);
    size_ = page + (stack + page - 1) / page * page;
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (base == MAP_FAILED) return;  // a stack overflow will die unrecorded
    base_ = base;
    mprotect(base_, page, PROT_NONE);
    stack_t fresh{};
    fresh.ss_sp = static_cast<char*>(base_) + page;
    fresh.ss_size = size_ - page;
    sigaltstack(&fresh, &before_);
  }

  ~AlternateStack() {
    if (base_ == nullptr) return;
    sigaltstack(&before_, nullptr);
    munmap(base_, size_);
  }

 private:
  void* base_ = nullptr;
  size_t size_ = 0;
  stack_t before_{};
};

thread_local AlternateStack alternate_stack;

}  // namespace

void InstallCrashHandler(Ring& ring, uint32_t worker, int signals) {
  if (signals == EAS_SIGNALS_NONE) return;
  watched = &ring;
  record = &ring.workers[worker];
  record_worker = worker;
  record_process = getpid();
  needs_alternate_stack = signals == EAS_SIGNALS_ALL;
  if (needs_alternate_stack) alternate_stack.Enter();

  // The unwinder's one-time work is done here rather than in a dying process.
  uintptr_t pc[1];
  WalkStack(pc, 1, &NeverStop);

  struct sigaction action{};
  action.sa_sigaction = &OnFatalSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (signals == EAS_SIGNALS_ALL) {
    for (const int signal : kAllSignals) sigaction(signal, &action, nullptr);
  } else {
    for (const int signal : kAbortSignals) sigaction(signal, &action, nullptr);
  }
}

void EnterThread(uint32_t worker, uint32_t thread) {
  this_thread = Identity{};
  this_thread.entered = true;
  this_thread.worker = worker;
  this_thread.thread = thread;
  if (record == nullptr) return;
  if (needs_alternate_stack) alternate_stack.Enter();
  // Here and not at the installation: what is registered last runs first, so this comes before the handlers
  // that the processor registered while it was loaded.
  static std::once_flag watch_exit;
  std::call_once(watch_exit, [] { on_exit(&OnExit, nullptr); });
}

}  // namespace eas
