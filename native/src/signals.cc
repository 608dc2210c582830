// Children. A handler of Python only notes the signal; somebody must run the interpreter for it to be
// handled, and nobody does in a child that C code has forked. Such a child would never die of SIGTERM, and
// what it notes goes into the wake-up descriptor that it shares with its parent: the parent would take the
// signal for its own. So the C library is asked (pthread_atfork) to put the handlers back in each child,
// whoever forks it. The signals are blocked meanwhile, or one that comes in between would be lost. A child
// that Python forks, whose handlers Python can tell apart, is left to Python.
//
// A JVM that the user's code starts, from any language, takes the signals that end a program, without asking
// and without a way to be told of it. Nothing says when that happens, so a thread looks.
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

// How often the thread looks. A signal that comes sooner after the JVM has started ends the process, as it
// does while the JVM starts. Measured on a busy machine, the looks of a second cost 0.2 ms of a core.
constexpr timespec kLookEvery = {0, 100'000'000};

// Those that a JVM takes to end by. SIGUSR2, for one, it needs for itself.
constexpr int kOfShutdown[] = {SIGHUP, SIGINT, SIGTERM};

struct Taken {
  std::atomic<bool> taken{false};
  bool ignored = false;     // before it was taken
  struct sigaction ours{};  // what was there when it was taken: it tells the host's kind of handler
  struct sigaction kept{};  // what was there last, but for a JVM's
};

Taken table[NSIG];
std::atomic<pid_t> guarded{0};
std::mutex restoring;  // held over a fork, so that the child gets it free
thread_local bool python_forks = false;
thread_local sigset_t before_fork;
thread_local sigset_t before_python;  // what Python does is around what the C library does

void* HandlerOf(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ? reinterpret_cast<void*>(action.sa_sigaction)
                                             : reinterpret_cast<void*>(action.sa_handler);
}

bool IsTaken(int number) { return table[number].taken.load(std::memory_order_acquire); }

sigset_t TakenSet() {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number < NSIG; ++number) {
    if (IsTaken(number)) sigaddset(&set, number);
  }
  return set;
}

void BeforeFork() {
  restoring.lock();
  const sigset_t set = TakenSet();
  pthread_sigmask(SIG_BLOCK, &set, &before_fork);
}

void AfterFork() {
  pthread_sigmask(SIG_SETMASK, &before_fork, nullptr);
  restoring.unlock();
}

void AfterForkInChild() {
  for (int number = 1; number < NSIG && !python_forks; ++number) {
    struct sigaction current{};
    if (!IsTaken(number) || sigaction(number, nullptr, &current) != 0) continue;
    // One that C code has set since is a wish for its children, too.
    if (HandlerOf(current) != HandlerOf(table[number].ours)) continue;
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
  Taken& entry = table[number];
  struct sigaction current{};
  if (sigaction(number, nullptr, &current) != 0 || HandlerOf(current) == HandlerOf(entry.kept)) return;
  if (IsOfJvm(current)) {
    sigaction(number, &entry.kept, nullptr);
  } else {
    entry.kept = current;  // the program's own wish
  }
}

void* Guard(void*) {
  for (;;) {
    nanosleep(&kLookEvery, nullptr);
    RestoreSignals();
  }
}

}  // namespace

void TakeSignal(int number, bool ignored) {
  if (number < 1 || number >= NSIG) return;
  static const int registered = pthread_atfork(BeforeFork, AfterFork, AfterForkInChild);
  (void)registered;
  Taken& entry = table[number];
  if (entry.taken.load(std::memory_order_acquire)) return;
  sigaction(number, nullptr, &entry.ours);
  entry.kept = entry.ours;
  entry.ignored = ignored;
  entry.taken.store(true, std::memory_order_release);
}

void ForgetSignals() {
  for (Taken& entry : table) entry.taken.store(false, std::memory_order_release);
}

void HoldSignals() {
  const sigset_t set = TakenSet();
  pthread_sigmask(SIG_BLOCK, &set, &before_python);
  python_forks = true;
}

void ReleaseSignals() {
  python_forks = false;
  pthread_sigmask(SIG_SETMASK, &before_python, nullptr);
}

void RestoreSignals() {
  const std::lock_guard<std::mutex> lock(restoring);
  for (const int number : kOfShutdown) {
    if (IsTaken(number)) RestoreOne(number);
  }
}

void GuardSignals() {
  const pid_t self = getpid();
  if (guarded.exchange(self) == self) return;
  // The thread is nobody's place to handle a signal.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, Guard, nullptr) == 0) {
    pthread_setname_np(thread, "eas-signals");
  } else {
    guarded.store(0);  // the system is out of threads: a JVM keeps what it takes
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace eas
