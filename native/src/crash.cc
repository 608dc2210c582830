#include "crash.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>

#include "crash_copy.h"
#include "fault.h"
#include "frames.h"
#include "last_words.h"
#include "thread_context.h"

namespace eas {
namespace {

constexpr int kAllSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
constexpr int kJvmSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};  // that a JVM has handlers for

// The frames of the handler itself, which come first, are not part of the record.
constexpr int kWalkFrames = EAS_FRAMES + 16;

// The handler needs 9 KiB for the maps file and 5 KiB for the unwinder; the kernel's frame comes on top (3
// KiB with AVX-512, 11 KiB with AMX), which _SC_MINSIGSTKSZ knows.
constexpr size_t kAlternateStack = 64 << 10;

// While the handler hangs, the front cannot answer the request: it waits for this process's end.
constexpr unsigned kHandlerTimeout = 1;  // seconds
constexpr unsigned kJvmTimeout = 3;      // the JVM's report has some 1,100 lines

// Written once by InstallCrashHandler, before there are threads.
const Ring* crash_ring = nullptr;
WorkerRecord* record = nullptr;
uint32_t record_worker = 0;
pid_t record_process = 0;
bool needs_alternate_stack = false;
bool keeps_crashes = false;
int jvm_report = -1;
struct sigaction replaced[std::size(kAllSignals)];  // with EAS_SIGNALS_PYTHON

std::atomic_flag recorded = ATOMIC_FLAG_INIT;  // only the first fatal event is recorded
volatile sig_atomic_t fatal_signal = 0;
volatile sig_atomic_t jvm_reports = 0;  // whether the JVM now writes its report and then aborts

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

void StartAlarm(unsigned seconds) {
  struct sigaction action{};
  action.sa_handler = &OnAlarm;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  alarm(seconds);
}

// The requests that the calling thread holds: how many, and one of them. The states of the slots tell,
// because another thread may complete a request.
struct Held {
  uint32_t count = 0;
  uint32_t slot = 0;
  uint32_t sequence = 0;
  uint32_t thread = 0;  // that has it: this one, or none if this one only answers it
};

// REQUIRES: this thread answers a request.
Held AnsweredByThisThread() {
  const uint32_t slot = this_thread.answered_slot;
  const State state = Unpack(crash_ring->controls[slot].state.load(std::memory_order_relaxed));
  if (state.phase != Phase::kRunning || state.sequence != this_thread.answered_sequence) return {};
  return {1, slot, state.sequence, state.thread};
}

Held HeldByThisThread() {
  if (this_thread.answers) return AnsweredByThisThread();
  Held held;
  if (!this_thread.entered || this_thread.worker != record_worker) return held;
  for (uint32_t slot = 0; slot < crash_ring->layout.ring_size.slots; ++slot) {
    const State state = Unpack(crash_ring->controls[slot].state.load(std::memory_order_relaxed));
    if (state.phase != Phase::kRunning || state.worker != record_worker ||
        state.thread != this_thread.thread) {
      continue;
    }
    held = {held.count + 1, slot, state.sequence, state.thread};
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
  // The thread that runs what it has taken; of a reader's requests other threads may run each.
  const bool ran_all = known || (held.count > 1 && this_thread.takes_at_once);
  crash.thread = ran_all ? held.thread : EAS_NO_THREAD;
  crash.address = address;
  crash.fault = EAS_FAULT_OTHER;
  crash.input_size = known ? crash_ring->controls[held.slot].input_size.load(std::memory_order_relaxed) : 0;
  crash.exception[0] = '\0';
  crash.message[0] = '\0';
  crash.output = reinterpret_cast<uint64_t>(this_thread.output);
  crash.by_done = this_thread.answers ? 1 : 0;
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

// What the handler tries although it may fail in a broken process. A second fault on its thread ends the
// attempt, and the handler goes on behind it.
sigjmp_buf attempt_end;
std::atomic<pid_t> attempting{0};  // the thread

void OnFatalSignal(int signal, siginfo_t* info, void* context);

bool IsOurs(int signal) {
  struct sigaction action{};
  sigaction(signal, nullptr, &action);
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &OnFatalSignal;
}

template <typename Step>
void Attempt(const Step& step) {
  sigset_t faults;
  sigemptyset(&faults);
  // Blocked, or handled by somebody else, they end the process.
  for (const int signal : {SIGSEGV, SIGBUS}) {
    if (IsOurs(signal)) sigaddset(&faults, signal);
  }
  if (sigsetjmp(attempt_end, 1) == 0) {  // saves the mask, so that both paths end with the signals blocked
    attempting.store(gettid(), std::memory_order_relaxed);
    pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
    step();
  }
  attempting.store(0, std::memory_order_relaxed);
  pthread_sigmask(SIG_BLOCK, &faults, nullptr);
}

// The frames of the stack, as far as the walk has come. Only the thread that records the crash uses it.
uintptr_t walked[kWalkFrames];
volatile int walked_count = 0;

// Records the stack from where the signal arrived, without the handler's own frames. If the unwinder does not
// know that place (a jump to a bad address), only the place and its caller can be recorded.
void RecordStackOf(const ucontext_t& context) {
  Attempt([] { WalkStack(walked, kWalkFrames, &NeverStop, &walked_count); });
  const uintptr_t place = ProgramCounter(context);
  const int count = walked_count;
  for (int i = 0; i < count; ++i) {
    if (walked[i] == place) return RecordFrames(walked + i, count - i);
  }
  uintptr_t known[] = {place, 0};
  RecordFrames(known, 1);
  Attempt([&] {
    known[1] = GuessCaller(context) - 1;
    RecordFrames(known, 2);
  });
}

// Records what the C library, or an exception that nobody caught, says of an abort.
void RecordLastWords() {
  eas_crash& crash = record->crash;
  Attempt([&] { WriteAbortMessage(crash.message, sizeof(crash.message)); });
  Attempt([&] {
    WriteException(crash.exception, sizeof(crash.exception), crash.message, sizeof(crash.message));
  });
}

// Whether kill() or its like has sent the signal.
bool WasSent(const siginfo_t& info) { return info.si_code <= 0; }

// Records the first fatal signal. A second thread with one waits until the first one ends the process.
void RecordSignal(int signal, siginfo_t* info, void* context) {
  while (recorded.test_and_set(std::memory_order_acq_rel)) pause();
  const bool sent = WasSent(*info);
  // abort() and raise() send a signal, too, but to the thread that calls them. A signal to the whole process
  // may interrupt any thread, and the request that runs there is not the cause.
  const bool own = !sent || (info->si_code == SI_TKILL && info->si_pid == getpid());
  RecordCulprit(EAS_CRASH_SIGNAL, signal, info->si_code, sent ? 0 : reinterpret_cast<uint64_t>(info->si_addr),
                own ? HeldByThisThread() : Held{});
  fatal_signal = signal;
  StartAlarm(kHandlerTimeout);
  const auto& registers = *static_cast<const ucontext_t*>(context);
  Attempt([&] { record->crash.fault = ClassifyFault(signal, *info, registers, this_thread.stack_low); });
  RecordStackOf(registers);
  if (signal == SIGABRT && own) RecordLastWords();
}

// Calls the handler that ours has replaced, if it is to be called.
void HandOn(int signal, siginfo_t* info, void* context) {
  for (size_t i = 0; i < std::size(kAllSignals); ++i) {
    const struct sigaction& earlier = replaced[i];
    if (kAllSignals[i] != signal || earlier.sa_handler == SIG_DFL || earlier.sa_handler == SIG_IGN) continue;
    if ((earlier.sa_flags & SA_SIGINFO) != 0) return earlier.sa_sigaction(signal, info, context);
    return earlier.sa_handler(signal);
  }
}

void OnFatalSignal(int signal, siginfo_t* info, void* context) {
  if (attempting.load(std::memory_order_relaxed) == gettid()) siglongjmp(attempt_end, 1);
  if (getpid() != record_process) Die(signal);  // a child that the processor forked: the front need not know
  if (jvm_reports != 0) Die(fatal_signal);      // the JVM aborts after its report
  RecordSignal(signal, info, context);
  if (keeps_crashes) KeepStoppedCopy(signal);
  HandOn(signal, info, context);
  Die(signal);
}

// Called by the JVM for a fault that it cannot handle, on the thread and with the context of the fault.
// Afterwards the instruction faults again; since the handler was installed with SA_RESETHAND, the JVM then
// has nobody to ask, reports the crash and aborts.
void OnFaultUnderJvm(int signal, siginfo_t* info, void* context) {
  if (getpid() != record_process) Die(signal);
  RecordSignal(signal, info, context);
  if (keeps_crashes) KeepStoppedCopy(signal);
  if (WasSent(*info)) Die(signal);  // nothing will fault again
  if (jvm_report >= 0) {
    // The JVM has no option for a file that is open already. Nothing else matters in the streams any more.
    dup2(jvm_report, STDOUT_FILENO);
    dup2(jvm_report, STDERR_FILENO);
  }
  jvm_reports = 1;
  StartAlarm(kJvmTimeout);
}

// Whether this process has a record of its end: a child that the processor has forked has none.
bool HasRecord() { return record != nullptr && getpid() == record_process; }

// Several threads may call exit() at once. The first of them is the cause, and the process must not end
// before that is recorded, so the others wait for its end, as they do in glibc itself from 2.41 on.
void WaitForFirstExit() {
  static std::atomic<pid_t> first{0};
  pid_t caller = 0;
  if (first.compare_exchange_strong(caller, gettid()) || caller == gettid()) return;
  for (;;) pause();
}

// Handles exit() inside a request, or on a thread of the processor while requests run. Without this the
// worker would run its destructors while other requests still use the objects, and those requests would be
// lost.
void OnExit(int status, void*) {
  if (HasRecord()) WaitForFirstExit();
  if (!RecordEnd(EAS_CRASH_EXIT, 0, status)) return;
  fflush(stdout);  // or the processor's last words would be lost
  _exit(status);
}

// Begins the record of an end that the calling thread, with the requests `held`, brings about itself. False
// if one is recorded already.
bool BeginEnd(int kind, int signal, int code, const Held& held) {
  if (recorded.test_and_set(std::memory_order_acq_rel)) return false;
  RecordCulprit(kind, signal, code, 0, held);
  return true;
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
  crash_ring = &ring;
  record = &ring.workers[worker];
  record_worker = worker;
  record_process = getpid();
  keeps_crashes = (signals & EAS_SIGNALS_KEEP) != 0;
  signals &= ~EAS_SIGNALS_KEEP;
  needs_alternate_stack = signals != EAS_SIGNALS_JVM;
  if (needs_alternate_stack) alternate_stack.Enter();

  FindAbortMessage();
  // The unwinder does its one-time work here rather than in a dying process.
  uintptr_t pc[1];
  WalkStack(pc, 1, &NeverStop);

  struct sigaction action{};
  action.sa_sigaction = &OnFatalSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (signals != EAS_SIGNALS_JVM) {
    for (size_t i = 0; i < std::size(kAllSignals); ++i) {
      sigaction(kAllSignals[i], &action, signals == EAS_SIGNALS_PYTHON ? &replaced[i] : nullptr);
    }
    return;
  }
  sigaction(SIGABRT, &action, nullptr);
  action.sa_sigaction = &OnFaultUnderJvm;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  for (const int signal : kJvmSignals) sigaction(signal, &action, nullptr);
}

void SetCrashReport(int fd) { jvm_report = fd; }

bool RecordEnd(int kind, int signal, int code) {
  if (!HasRecord()) return false;
  const Held held = HeldByThisThread();
  if (held.count == 0 && crash_ring->stopping.load(std::memory_order_acquire)) return false;  // a normal end
  if (!BeginEnd(kind, signal, code, held)) return false;
  fatal_signal = SIGABRT;
  StartAlarm(kHandlerTimeout);
  uintptr_t pc[EAS_FRAMES];
  RecordFrames(pc, WalkStack(pc, EAS_FRAMES, &NeverStop));
  return true;
}

void RecordExit(int status) {
  if (HasRecord()) BeginEnd(EAS_CRASH_EXIT, 0, status, HeldByThisThread());
}

void EnterThread(uint32_t worker, uint32_t thread) {
  this_thread = ThreadContext{};
  this_thread.entered = true;
  this_thread.worker = worker;
  this_thread.thread = thread;
  if (record == nullptr) return;
  this_thread.stack_low = LowestOfStack();
  if (needs_alternate_stack) alternate_stack.Enter();
  // Here and not in InstallCrashHandler: the handler that is registered last runs first, so this one runs
  // before those that the processor registered while it was loaded.
  static std::once_flag watch_exit;
  std::call_once(watch_exit, [] { on_exit(&OnExit, nullptr); });
}

}  // namespace eas
