// Two deaths, two means.
//
// The host dies: the kernel sends this process SIGKILL, which nothing can block, stop or catch.
// This process dies, of whatever: its process group, which holds what the processor has started, would be
// left behind. So a guardian, a tiny process of the same group, waits for that and kills the group, itself
// included. The front does the same, sooner, if it is still there. A guardian that is killed itself is
// replaced by a thread of the worker that does nothing but wait for that.
//
// A guardian must not be a copy of its worker: each page that the worker writes later would exist twice. So
// it becomes another program, native/guardian/main.cc, which lies beside the file that this code is in. Until
// then it shares the worker's memory, as after vfork: to copy that of a large model takes long, and fails
// where memory is not overcommitted. Only where the program is out of reach, for a processor may have
// changed this process's root, a copy guards: better than nobody.
#include "guardian.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "guard.h"

namespace eas {
namespace {

constexpr int kPause = 100;  // milliseconds: whoever kills one after the other must not keep a core busy

// What glibc's posix_spawn gives a child that shares its parent's memory.
constexpr size_t kStackSize = 32 * 1024;

constexpr int kSharing = CLONE_VM | CLONE_VFORK;
constexpr int kCopying = 0;

// What a guardian becomes. Made while this process has one thread: another may change the environment.
class Program {
 public:
  Program() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&DieWithParent), &info) != 0 && info.dli_fname != nullptr) {
      path_ = info.dli_fname;
      path_.replace(path_.rfind('/') + 1, path_.npos, "eas-guardian");
    }
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
      // What the linker should do for the processor's sake, it should not do here.
      if (std::strncmp(*variable, "LD_", 3) != 0) variables_.emplace_back(*variable);
    }
    for (std::string& variable : variables_) environment_.push_back(&variable[0]);
    environment_.push_back(nullptr);
  }

  // Returns if that fails.
  void Become() {
    char* const words[] = {&path_[0], nullptr};
    execve(words[0], words, environment_.data());
  }

 private:
  std::string path_;
  std::vector<std::string> variables_;
  std::vector<char*> environment_;
};

Program* program;  // for ever: the thread that needs it does not end

// What the worker, its child and its grandchild, the guardian, have in common.
struct Birth {
  int worker;  // a pidfd
  int flags;   // kSharing or kCopying
  pid_t guardian;
  bool failed;
  alignas(16) char stacks[2][kStackSize];
};

// As fork, or vfork, but nothing that others have registered for it runs, for other threads may hold their
// locks, and the child is none that this process, or its processor, is told of. It may do nothing but system
// calls, and all signals must be blocked.
pid_t Clone(int (*function)(void*), Birth* birth, int stack) {
  return clone(function, birth->stacks[stack] + kStackSize, birth->flags, birth);
}

// The guardian. It holds nothing else of the worker: no descriptor whose end somebody waits for. No signal
// that somebody sends to the group ends it.
int BeGuardian(void* argument) {
  auto* birth = static_cast<Birth*>(argument);
  dup2(birth->worker, STDIN_FILENO);
  fcntl(STDIN_FILENO, F_SETFD, 0);  // it is that already where a processor has closed its standard input
  if (syscall(SYS_close_range, 1U, ~0U, 0U) != 0) {  // Linux 5.9
    for (int fd = 1; fd < 1024; ++fd) close(fd);
  }
  if (birth->flags == kSharing) {
    program->Become();
    birth->failed = true;
  } else {
    prctl(PR_SET_NAME, "eas-guardian");
    Guard();
  }
  return 1;
}

// The child between: a processor that waits for its children must not meet the guardian, a grandchild.
int BearGuardian(void* argument) {
  auto* birth = static_cast<Birth*>(argument);
  birth->guardian = Clone(BeGuardian, birth, 1);
  return 0;
}

// Returns the guardian's number, or -1.
pid_t Bear(Birth* birth, int flags) {
  birth->flags = flags;
  birth->guardian = -1;
  birth->failed = false;
  const pid_t child = Clone(BearGuardian, birth, 0);
  while (child > 0 && waitpid(child, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
  return birth->failed ? -1 : birth->guardian;
}

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)); }

// Returns the guardian's number, or -1.
// REQUIRES: all signals are blocked.
pid_t StartGuardian() {
  const int worker = OpenPidfd(getpid());
  if (worker < 0) return -1;  // Linux before 5.3: the front's own kill must do
  pid_t guardian = -1;
  void* memory = mmap(nullptr, sizeof(Birth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) {
    auto* birth = static_cast<Birth*>(memory);
    birth->worker = worker;
    guardian = Bear(birth, kSharing);
    if (guardian < 0) guardian = Bear(birth, kCopying);
    munmap(memory, sizeof(Birth));
  }
  close(worker);
  return guardian;
}

// Waits for the end of `pid`, or for as many milliseconds. Whether it has ended.
bool HasEnded(pid_t pid, int milliseconds) {
  const int process = OpenPidfd(pid);
  if (process < 0) return true;
  pollfd watched{process, POLLIN, 0};
  int ready;
  do {
    ready = poll(&watched, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  close(process);
  return ready > 0;
}

// Replaces the guardian whenever somebody has killed it.
void WatchGuardian(pid_t guardian) {
  prctl(PR_SET_NAME, "eas-watch");
  while (HasEnded(guardian, -1)) {
    // Once more: a processor that closes what it has not opened has perhaps closed what was watched.
    if (!HasEnded(guardian, 0)) return;
    do {
      poll(nullptr, 0, kPause);
      guardian = StartGuardian();
    } while (guardian < 0);
  }
}

// REQUIRES: a new thread has the mask of whoever starts it: all signals are blocked.
void Keep(pid_t guardian) {
  try {
    std::thread(WatchGuardian, guardian).detach();
  } catch (const std::system_error&) {
    // No thread can be had. There is a guardian; it has no successor.
  }
}

}  // namespace

void DieWithParent(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before the line above.
  if (getppid() != parent) _exit(1);
  // In a group that it does not lead, others would die, too.
  if (getpgrp() != getpid()) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  program = new Program;
  const pid_t guardian = StartGuardian();
  if (guardian > 0) Keep(guardian);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace eas
