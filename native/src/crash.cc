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
#include "thread_context.h"

namespace eas {
namespace {

constexpr int kAllSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
constexpr int kAbortSignals[] = {SIGABRT};

// The frames of the handler itself, which come first, are not part of the record.
constexpr int kWalkFrames = EAS_FRAMES + 16;

// The handler needs 9 KiB for the maps file and 5 KiB for the unwinder; the kernel's frame comes on top (3
// KiB with AVX-512, 11 KiB with AMX), which _SC_MINSIGSTKSZ knows.
constexpr size_t kAlternateStack = 64 << 10;

// While the handler hangs, the front cannot answer the request: it waits for this process's end.
constexpr unsigned kHandlerTimeout = 1;  // seconds

// Written once by InstallCrashHandler, before there are threads.
const Ring* crash_ring = nullptr;
WorkerRecord* record = nullptr;
uint32_t record_worker = 0;
pid_t record_process = 0;
bool needs_alternate_stack = false;

std::atomic_flag recorded = ATOMIC_FLAG_INIT;  // only the first fatal event is recorded
volatile sig_atomic_t fatal_signal = 0;

// Ends the process by `signal`, as if it had no handler.
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

void OnAlarm(int) { Die(fatal_signal); }

void StartAlarm() {
  struct sigaction action{};
  action.sa_handler = &OnAlarm;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  alarm(kHandlerTimeout);
}

// The requests that the calling thread holds: how many, and one of them. The states of the slots tell,
// because another thread may complete a request.
struct Held {
  uint32_t count = 0;
  uint32_t slot = 0;
  uint32_t sequence = 0;
};

Held HeldByThisThread() {
  Held held;
  if (!this_thread.entered || this_thread.worker != record_worker) return held;
  for (uint32_t slot = 0; slot < crash_ring->layout.ring_size.slots; ++slot) {
    const State state = Unpack(crash_ring->controls[slot].state.load(std::memory_order_relaxed));
    if (state.phase != Phase::kRunning || state.worker != record_worker ||
        state.thread != this_thread.thread) {
      continue;
    }
    held = {held.count + 1, slot, state.sequence};
  }
  return held;
}

// Records which request was running: plain stores, then the release store that makes the record valid.
void RecordCulprit(int kind, int signal, int code, uint64_t address, const Held& held) {
  eas_crash& crash = record->crash;
  const bool known = held.count == 1;  // of several requests any may be the cause
  crash.kind = kind;
  crash.signal = signal;
  crash.code = code;
  crash.slot = known ? static_cast<int32_t>(held.slot) : -1;
  crash.sequence = known ? held.sequence : 0;
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
  // From here on the record has the addresses, even if reading the maps fails.
  record->crash_frames.store(static_cast<uint32_t>(count), std::memory_order_release);
  WriteModules(crash.pc, count, crash.frame[0], sizeof(crash.frame[0]));
}

bool NeverStop(uintptr_t) { return false; }

#if defined(__x86_64__)
uintptr_t ProgramCounter(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}

// After a call through a bad pointer, the return address is on top of the stack.
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

// Records the stack from where the signal arrived, without the handler's own frames. If the unwinder does not
// know that place (a jump to a bad address), only the place and its caller can be recorded.
void RecordStackOf(const ucontext_t& context) {
  uintptr_t pc[kWalkFrames];
  const int count = WalkStack(pc, kWalkFrames, &NeverStop);
  const uintptr_t place = ProgramCounter(context);
  for (int i = 0; i < count; ++i) {
    if (pc[i] == place) return RecordFrames(pc + i, count - i);
  }
  RecordFrames(&place, 1);
  // This comes last, because it reads the stack, and may end this process.
  const uintptr_t known[] = {place, GuessCaller(context) - 1};
  RecordFrames(known, 2);
}

void OnFatalSignal(int signal, siginfo_t* info, void* context) {
  if (getpid() != record_process) Die(signal);  // a child that the processor forked: the front need not know
  // A second thread with a fatal signal waits until the first one ends the process.
  while (recorded.test_and_set(std::memory_order_acq_rel)) pause();
  const bool sent = info->si_code <= 0;  // by kill() and its like
  // abort() and raise() send a signal, too, but to the thread that calls them. A signal to the whole process
  // may interrupt any thread, and the request that runs there is not the cause.
  const bool own = !sent || (info->si_code == SI_TKILL && info->si_pid == getpid());
  RecordCulprit(EAS_CRASH_SIGNAL, signal, info->si_code, sent ? 0 : reinterpret_cast<uint64_t>(info->si_addr),
                own ? HeldByThisThread() : Held{});
  fatal_signal = signal;
  StartAlarm();
  RecordStackOf(*static_cast<const ucontext_t*>(context));
  Die(signal);
}

// Handles exit() inside a request, or on a thread of the processor while requests run. Without this the
// worker would run its destructors while other requests still use the objects, and those requests would be
// lost.
void OnExit(int status, void*) {
  if (getpid() != record_process) return;
  const Held held = HeldByThisThread();
  if (held.count == 0 && crash_ring->stopping.load(std::memory_order_acquire)) return;  // a normal end
  if (recorded.test_and_set(std::memory_order_acq_rel)) return;
  RecordCulprit(EAS_CRASH_EXIT, 0, status, 0, held);
  fatal_signal = SIGABRT;
  StartAlarm();
  uintptr_t pc[EAS_FRAMES];
  RecordFrames(pc, WalkStack(pc, EAS_FRAMES, &NeverStop));
  fflush(stdout);  // or the processor's last words would be lost
  _exit(status);
}

// A thread's own stack for signal handlers, with an inaccessible page below it. It ends with the thread.
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
  crash_ring = &ring;
  record = &ring.workers[worker];
  record_worker = worker;
  record_process = getpid();
  needs_alternate_stack = signals == EAS_SIGNALS_ALL;
  if (needs_alternate_stack) alternate_stack.Enter();

  // The unwinder does its one-time work here rather than in a dying process.
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
  this_thread = ThreadContext{};
  this_thread.entered = true;
  this_thread.worker = worker;
  this_thread.thread = thread;
  if (record == nullptr) return;
  if (needs_alternate_stack) alternate_stack.Enter();
  // Here and not in InstallCrashHandler: the handler that is registered last runs first, so this one runs
  // before those that the processor registered while it was loaded.
  static std::once_flag watch_exit;
  std::call_once(watch_exit, [] { on_exit(&OnExit, nullptr); });
}

}  // namespace eas
