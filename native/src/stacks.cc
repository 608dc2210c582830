#include "stacks.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "frames.h"
#include "layout.h"
#include "parts.h"

namespace eas {
namespace {

constexpr int kStackFrames = 64;
constexpr uint32_t kThreadNumbers = 4096;  // thread numbers have 12 bits
constexpr int kSignalMilliseconds = 200;

// A signal that neither Python, a JVM nor the C library uses.
int StackSignal() { return SIGRTMAX - 5; }

std::atomic<pid_t> threads[kThreadNumbers];
std::atomic<pid_t> loading_thread{0};

// What a thread that is asked writes, one at a time.
std::mutex asking;
std::atomic<pid_t> asked{0};
std::atomic<bool> answered{false};
uintptr_t frames[kStackFrames];
int frame_count = 0;

#if defined(__x86_64__)
uintptr_t ProgramCounter(const ucontext_t& context) {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}
#elif defined(__aarch64__)
uintptr_t ProgramCounter(const ucontext_t& context) { return static_cast<uintptr_t>(context.uc_mcontext.pc); }
#else
uintptr_t ProgramCounter(const ucontext_t&) { return 0; }
#endif

void OnStackSignal(int, siginfo_t*, void* context) {
  const int saved = errno;
  pid_t self = gettid();
  // Only the thread that is asked, and only once: it may answer after nobody waits any more.
  if (asked.compare_exchange_strong(self, 0)) {
    uintptr_t pc[kStackFrames];
    const int count = WalkStack(pc, kStackFrames, &NeverStop);
    const uintptr_t place = ProgramCounter(*static_cast<const ucontext_t*>(context));
    int first = 0;  // the handler's own frames come before the place that it has interrupted
    while (first < count && pc[first] != place) ++first;
    if (first == count) first = 0;
    frame_count = count - first;
    std::memcpy(frames, pc + first, static_cast<size_t>(frame_count) * sizeof(frames[0]));
    answered.store(true, std::memory_order_release);
  }
  errno = saved;
}

// False if the processor uses the signal itself.
bool InstallHandler() {
  struct sigaction current{};
  if (sigaction(StackSignal(), nullptr, &current) != 0) return false;
  if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == &OnStackSignal) return true;
  if (current.sa_handler != SIG_DFL) return false;
  uintptr_t pc[1];
  WalkStack(pc, 1, &NeverStop);  // the unwinder does its one-time work here, and not in a handler
  struct sigaction action{};
  action.sa_sigaction = &OnStackSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  return sigaction(StackSignal(), &action, nullptr) == 0;
}

// The addresses on the stack of `thread`; none if it does not answer. REQUIRES: `asking` is held.
std::vector<uintptr_t> StackOf(pid_t thread) {
  answered.store(false, std::memory_order_relaxed);
  asked.store(thread, std::memory_order_release);
  if (syscall(SYS_tgkill, getpid(), thread, StackSignal()) != 0) return {};
  for (int i = 0; i < kSignalMilliseconds && !answered.load(std::memory_order_acquire); ++i) {
    const timespec millisecond = {0, 1'000'000};
    nanosleep(&millisecond, nullptr);
  }
  pid_t still = thread;
  const bool silent = asked.compare_exchange_strong(still, 0);
  if (silent) return {};
  while (!answered.load(std::memory_order_acquire)) sched_yield();  // it is just writing
  return {frames, frames + frame_count};
}

// The frames of the processor and of what it calls: those outside of this file are the host's.
std::string Describe(const std::vector<uintptr_t>& pcs) {
  Dl_info own{};
  dladdr(reinterpret_cast<void*>(&OnStackSignal), &own);
  std::string text;
  for (const uintptr_t pc : pcs) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(pc), &info) != 0 && info.dli_fbase == own.dli_fbase) break;
    text += "  at " + DescribeFrame(pc).Text() + "\n";
  }
  return text;
}

std::string DescribeThread(const std::string& name, pid_t thread) {
  const std::vector<uintptr_t> pcs = StackOf(thread);
  if (pcs.empty()) return name + ":\n  at ?, since it answers no signal\n";
  const std::string text = Describe(pcs);
  return text.empty() ? "" : name + ":\n" + text;  // else it has returned to the host meanwhile
}

}  // namespace

std::string DescribeStacks(const Ring& ring, uint32_t worker) {
  const std::lock_guard<std::mutex> lock(asking);
  if (!InstallHandler()) return "";
  if (const pid_t thread = loading_thread.load(); thread != 0) return DescribeThread("main thread", thread);
  std::string text;
  uint32_t detached = 0;
  std::unordered_set<uint32_t> seen;  // a thread whose call is a batch has several requests
  for (uint32_t slot = 0; slot < ring.layout.ring_size.slots; ++slot) {
    const State state = Unpack(ring.controls[slot].state.load(std::memory_order_relaxed));
    if (state.phase != Phase::kRunning || state.worker != worker || state.thread >= kThreadNumbers) continue;
    if (state.thread == EAS_DETACHED) ++detached;
    if (!seen.insert(state.thread).second) continue;
    const pid_t thread = threads[state.thread].load();
    if (thread != 0) text += DescribeThread("worker-thread-" + std::to_string(state.thread), thread);
  }
  if (detached > 0)
    text += "no thread of the host:\n  " + std::to_string(detached) + " requests wait for their answers\n";
  return text;
}

void NoteThread(uint32_t thread) {
  if (thread < kThreadNumbers) threads[thread].store(gettid());
}

LoadingThread::LoadingThread() { loading_thread.store(gettid()); }

LoadingThread::~LoadingThread() { loading_thread.store(0); }

}  // namespace eas

void eas_stacks(eas_ring* ring, uint32_t worker, char* text, size_t text_size) {
  if (text_size == 0) return;
  std::string described = eas::DescribeStacks(*ring, worker);
  if (described.size() >= text_size) described.resize(described.rfind('\n', text_size - 2) + 1);
  std::memcpy(text, described.c_str(), described.size() + 1);
}
