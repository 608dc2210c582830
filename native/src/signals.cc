// Children: Python's handler of a signal only notes it; the interpreter must run to handle it, and in a child
// that C code has forked it never runs. Such a child would not die of SIGTERM. The note goes into the wake-up
// descriptor, which the child shares with its parent, so the parent would believe that the signal was its
// own. So the C library is asked (pthread_atfork) to restore the handlers in each child, whatever code forks
// it. The signals are blocked meanwhile, or one that arrives in between would be lost. Python itself restores
// the handlers in a child that it forks, because it can tell whose they are.
//
// JVM: if the user's code starts one, from any language, the JVM replaces the handlers of the signals that
// end a program. Nothing says when that happens, so a thread checks it.
#include "signals.h"

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>

namespace eas {
namespace {

// How often the thread checks. A signal that arrives sooner after the start of the JVM ends the process, as
// it does while the JVM starts. Measured on a busy machine, the checks of a second cost 0.2 ms of a core.
constexpr timespec kCheckInterval = {0, 100'000'000};

// The signals that end a JVM. It needs others, such as SIGUSR2, for itself.
constexpr int kShutdownSignals[] = {SIGHUP, SIGINT, SIGTERM};

struct HandledSignal {
  std::atomic<bool> handled{false};
  bool ignored = false;            // before the host handled it
  struct sigaction host_action{};  // the host's: what was there at TakeSignal
  struct sigaction last_action{};  // the last one that is not a JVM's
};

HandledSignal table[NSIG];
std::atomic<pid_t> restoring_process{0};
std::mutex restore_mutex;  // held during a fork, so that it is free in the child
thread_local bool python_is_forking = false;
thread_local sigset_t mask_before_fork;
thread_local sigset_t mask_before_python;  // Python's hooks run around those of the C library

void* HandlerOf(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ? reinterpret_cast<void*>(action.sa_sigaction)
                                             : reinterpret_cast<void*>(action.sa_handler);
}

bool IsHandled(int number) { return table[number].handled.load(std::memory_order_acquire); }

sigset_t HandledSet() {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number < NSIG; ++number) {
    if (IsHandled(number)) sigaddset(&set, number);
  }
  return set;
}

void BeforeFork() {
  restore_mutex.lock();
  const sigset_t set = HandledSet();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_fork);
}

void AfterFork() {
  pthread_sigmask(SIG_SETMASK, &mask_before_fork, nullptr);
  restore_mutex.unlock();
}

void AfterForkInChild() {
  for (int number = 1; number < NSIG && !python_is_forking; ++number) {
    struct sigaction current{};
    if (!IsHandled(number) || sigaction(number, nullptr, &current) != 0) continue;
    // If C code has set another handler since, its children shall have that one, too.
    if (HandlerOf(current) != HandlerOf(table[number].host_action)) continue;
    signal(number, table[number].ignored ? SIG_IGN : SIG_DFL);
  }
  AfterFork();
}

// HotSpot has its handlers in libjvm.so, OpenJ9 in libj9prt29.so and its like.
bool IsOfJvm(const struct sigaction& action) {
  void* handler = HandlerOf(action);
  Dl_info info{};
  if (handler == nullptr || dladdr(handler, &info) == 0 || info.dli_fname == nullptr) return false;
  const char* slash = std::strrchr(info.dli_fname, '/');
  const char* name = slash == nullptr ? info.dli_fname : slash + 1;
  return std::strncmp(name, "libjvm.", 7) == 0 || std::strncmp(name, "libj9", 5) == 0;
}

void RestoreOne(int number) {
  HandledSignal& entry = table[number];
  struct sigaction current{};
  if (sigaction(number, nullptr, &current) != 0 || HandlerOf(current) == HandlerOf(entry.last_action)) return;
  if (IsOfJvm(current)) {
    sigaction(number, &entry.last_action, nullptr);
  } else {
    entry.last_action = current;  // the program has set it
  }
}

void* RestoreLoop(void*) {
  for (;;) {
    nanosleep(&kCheckInterval, nullptr);
    RestoreSignals();
  }
}

}  // namespace

void TakeSignal(int number, bool ignored) {
  if (number < 1 || number >= NSIG) return;
  static const int registered = pthread_atfork(BeforeFork, AfterFork, AfterForkInChild);
  (void)registered;
  HandledSignal& entry = table[number];
  if (entry.handled.load(std::memory_order_acquire)) return;
  sigaction(number, nullptr, &entry.host_action);
  entry.last_action = entry.host_action;
  entry.ignored = ignored;
  entry.handled.store(true, std::memory_order_release);
}

void ForgetSignals() {
  for (HandledSignal& entry : table) entry.handled.store(false, std::memory_order_release);
}

void BlockSignals() {
  const sigset_t set = HandledSet();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_python);
  python_is_forking = true;
}

void UnblockSignals() {
  python_is_forking = false;
  pthread_sigmask(SIG_SETMASK, &mask_before_python, nullptr);
}

void RestoreSignals() {
  const std::lock_guard<std::mutex> lock(restore_mutex);
  for (const int number : kShutdownSignals) {
    if (IsHandled(number)) RestoreOne(number);
  }
}

void KeepSignalsRestored() {
  const pid_t self = getpid();
  if (restoring_process.exchange(self) == self) return;
  // This thread shall handle no signal.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, RestoreLoop, nullptr) == 0) {
    pthread_setname_np(thread, "eas-signals");
  } else {
    restoring_process.store(0);  // the system has no more threads: a JVM keeps its handlers
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace eas
