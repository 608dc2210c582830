// Two deaths, two means.
//
// The host dies: the kernel sends this process SIGKILL, which nothing can block, stop or catch.
// This process dies, of whatever: its process group, which holds what the processor has started, would be
// left behind. So a guardian, a tiny process of the same group, waits for that and kills the group, itself
// included. The front does the same, sooner, if it is still there. A guardian that is killed itself is
// replaced by a thread of the worker that does nothing but wait for that.
#include "guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

namespace eas {
namespace {

constexpr int kPause = 100;  // milliseconds: whoever kills one after the other must not keep a core busy

// Waits for the death of the process behind `worker`, a pidfd. Holds nothing else of it: no descriptor whose
// end somebody waits for, and no signal that somebody sends to the group ends it.
[[noreturn]] void Guard(int worker) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  prctl(PR_SET_NAME, "eas-guardian");
  dup2(worker, STDIN_FILENO);
  if (syscall(SYS_close_range, 1U, ~0U, 0U) != 0) {  // Linux 5.9
    for (int fd = 1; fd < 1024; ++fd) close(fd);
  }
  pollfd watched{STDIN_FILENO, POLLIN, 0};
  while (poll(&watched, 1, -1) < 0) {
  }
  kill(0, SIGKILL);
  _exit(0);
}

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)); }

// As fork, but nothing that others have registered for it runs, for other threads may hold their locks, and
// the child is none that this process, or its processor, is told of. It may do nothing but system calls.
pid_t Clone() { return static_cast<pid_t>(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr)); }

// Returns the guardian's number, or -1.
pid_t StartGuardian() {
  const int worker = OpenPidfd(getpid());
  if (worker < 0) return -1;  // Linux before 5.3: the front's own kill must do
  pid_t guardian = -1;
  int told[2];
  if (pipe2(told, O_CLOEXEC) == 0) {
    const pid_t child = Clone();
    if (child == 0) {
      // A grandchild: a processor that waits for its children must not meet it.
      guardian = Clone();
      if (guardian == 0) Guard(worker);
      _exit(write(told[1], &guardian, sizeof guardian) < 0 ? 1 : 0);
    }
    close(told[1]);
    if (child > 0) {
      if (read(told[0], &guardian, sizeof guardian) != sizeof guardian) guardian = -1;
      while (waitpid(child, nullptr, __WCLONE) < 0 && errno == EINTR) {
      }
    }
    close(told[0]);
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

// REQUIRES: this process has one thread.
void Keep(pid_t guardian) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread has the mask of whoever starts it
  try {
    std::thread(WatchGuardian, guardian).detach();
  } catch (const std::system_error&) {
    // No thread can be had. There is a guardian; it has no successor.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void DieWithParent(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before the line above.
  if (getppid() != parent) _exit(1);
  // In a group that it does not lead, others would die, too.
  if (getpgrp() != getpid()) return;
  const pid_t guardian = StartGuardian();
  if (guardian > 0) Keep(guardian);
}

}  // namespace eas
