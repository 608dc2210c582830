// If the host dies, the kernel sends this process SIGKILL, which cannot be blocked, stopped or caught.
//
// If this process dies, for whatever reason, its process group would be left, with the processes that the
// processor has started. So a guardian, a tiny process of the same group, waits for that and kills the group,
// itself included. The front does the same, and sooner, if it is alive. If somebody kills the guardian, a
// thread of the worker, which does nothing but wait for that, starts another one.
//
// A guardian must not be a copy of its worker: each page that the worker writes later would exist twice. So
// it executes another program, native/guardian/main.cc, which lies beside the file that has this code. Until
// then it shares the worker's memory, as after vfork: to copy the memory of a large model takes long, and
// fails if memory is not overcommitted. The guardian is a copy only if the program cannot be found, because a
// processor has changed this process's root.
#include "parent_death.h"

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

#include "guardian.h"

namespace eas {
namespace {

constexpr int kRestartDelay = 100;  // milliseconds: so somebody who kills each guardian keeps no core busy

// As much as glibc's posix_spawn gives a child that shares its parent's memory.
constexpr size_t kStackSize = 32 * 1024;

constexpr int kSharing = CLONE_VM | CLONE_VFORK;
constexpr int kCopying = 0;

// The program that a guardian executes. It is made while this process has one thread: another thread could
// change the environment.
class GuardianProgram {
 public:
  GuardianProgram() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&DieWithParent), &info) != 0 && info.dli_fname != nullptr) {
      path_ = info.dli_fname;
      path_.replace(path_.rfind('/') + 1, path_.npos, "eas-guardian");
    }
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
      // These are meant for the processor's libraries, not for this program.
      if (std::strncmp(*variable, "LD_", 3) != 0) variables_.emplace_back(*variable);
    }
    for (std::string& variable : variables_) environment_.push_back(&variable[0]);
    environment_.push_back(nullptr);
  }

  // Executes the program. Returns only if that fails.
  void Exec() {
    char* const words[] = {&path_[0], nullptr};
    execve(words[0], words, environment_.data());
  }

 private:
  std::string path_;
  std::vector<std::string> variables_;
  std::vector<char*> environment_;
};

GuardianProgram* guardian_program;  // never freed: the thread that needs it does not end

// What the worker, its child, and its grandchild, the guardian, share.
struct SpawnState {
  int worker;  // a pidfd
  int flags;   // kSharing or kCopying
  pid_t guardian;
  bool failed;
  alignas(16) char stacks[2][kStackSize];
};

// Forks, or vforks, but runs no handlers of pthread_atfork, because other threads may hold their locks; and
// neither this process nor its processor gets a signal when the child ends. The child may only make system
// calls. REQUIRES: all signals are blocked.
pid_t CloneProcess(int (*function)(void*), SpawnState* spawn, int stack) {
  return clone(function, spawn->stacks[stack] + kStackSize, spawn->flags, spawn);
}

// Runs in the guardian. It keeps no other descriptor of the worker, because a reader may wait until the last
// writer has closed one. Its signals stay blocked, so a signal to the group does not end it.
int GuardianMain(void* argument) {
  auto* spawn = static_cast<SpawnState*>(argument);
  dup2(spawn->worker, STDIN_FILENO);
  fcntl(STDIN_FILENO, F_SETFD, 0);                   // dup2 did nothing if this was the pidfd already
  if (syscall(SYS_close_range, 1U, ~0U, 0U) != 0) {  // Linux 5.9
    for (int fd = 1; fd < 1024; ++fd) close(fd);
  }
  if (spawn->flags == kSharing) {
    guardian_program->Exec();
    spawn->failed = true;
  } else {
    prctl(PR_SET_NAME, "eas-guardian");
    RunGuardian();
  }
  return 1;
}

// Runs in the child between both: the guardian is a grandchild, so that a processor that waits for its
// children does not get it.
int IntermediateMain(void* argument) {
  auto* spawn = static_cast<SpawnState*>(argument);
  spawn->guardian = CloneProcess(GuardianMain, spawn, 1);
  return 0;
}

// Returns the guardian's process number, or -1.
pid_t Spawn(SpawnState* spawn, int flags) {
  spawn->flags = flags;
  spawn->guardian = -1;
  spawn->failed = false;
  const pid_t child = CloneProcess(IntermediateMain, spawn, 0);
  while (child > 0 && waitpid(child, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
  return spawn->failed ? -1 : spawn->guardian;
}

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)); }

// Returns the guardian's process number, or -1.
// REQUIRES: all signals are blocked.
pid_t StartGuardian() {
  const int worker = OpenPidfd(getpid());
  if (worker < 0) return -1;  // Linux before 5.3: only the front kills the group
  pid_t guardian = -1;
  void* memory = mmap(nullptr, sizeof(SpawnState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) {
    auto* spawn = static_cast<SpawnState*>(memory);
    spawn->worker = worker;
    guardian = Spawn(spawn, kSharing);
    if (guardian < 0) guardian = Spawn(spawn, kCopying);
    munmap(memory, sizeof(SpawnState));
  }
  close(worker);
  return guardian;
}

// Waits until `pid` ends, or for `milliseconds`. Returns whether it has ended.
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

// Starts another guardian whenever one was killed.
void WatchGuardian(pid_t guardian) {
  prctl(PR_SET_NAME, "eas-watch");
  while (HasEnded(guardian, -1)) {
    // Checked once more: a processor that closes foreign descriptors may have closed the one that was polled.
    if (!HasEnded(guardian, 0)) return;
    do {
      poll(nullptr, 0, kRestartDelay);
      guardian = StartGuardian();
    } while (guardian < 0);
  }
}

// Starts the thread that watches the guardian.
// REQUIRES: all signals are blocked: the new thread inherits the mask.
void StartWatcher(pid_t guardian) {
  try {
    std::thread(WatchGuardian, guardian).detach();
  } catch (const std::system_error&) {
    // No thread can be started. The guardian is there, but would not be replaced.
  }
}

}  // namespace

void DieWithParent(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above.
  if (getppid() != parent) _exit(1);
  // In a group that this process does not lead, other processes would die, too.
  if (getpgrp() != getpid()) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  guardian_program = new GuardianProgram;
  const pid_t guardian = StartGuardian();
  if (guardian > 0) StartWatcher(guardian);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace eas
