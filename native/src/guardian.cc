// Two deaths, two means.
//
// The host dies: the kernel sends this process SIGKILL, which nothing can block, stop or catch.
// This process dies, of whatever: its process group, which holds what the processor has started, would be
// left behind. So a guardian, a tiny process of the same group, waits for that and kills the group, itself
// included. The front does the same, sooner, if it is still there.
#include "guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace eas {
namespace {

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

// REQUIRES: this process has one thread.
void StartGuardian() {
  const int worker = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0U));
  if (worker < 0) return;  // Linux before 5.3: the front's own kill must do
  const pid_t child = fork();
  if (child == 0) {
    // A grandchild: a processor that waits for its children must not meet it.
    if (fork() == 0) Guard(worker);
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
  close(worker);
}

}  // namespace

void DieWithParent(int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before the line above.
  if (getppid() != parent) _exit(1);
  // In a group that it does not lead, others would die, too.
  if (getpgrp() == getpid()) StartGuardian();
}

}  // namespace eas
