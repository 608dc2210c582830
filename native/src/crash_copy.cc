// What stays of a process that crashes is a copy of it: whoever waits for the process waits for its end,
// and a debugger that let it run on would let its other threads write into requests that are not its any
// more. As a child of the host the copy ends with the host, by the kernel's hand; in a group of its own it
// does not end with the worker.
#include "crash_copy.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "log.h"

#ifndef SYS_close_range
#define SYS_close_range 436  // on all architectures; older kernels do not have it, and then it does nothing
#endif

namespace eas {

void KeepStoppedCopy(int signal) {
  const pid_t host = getppid();
  const auto copy = static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT, nullptr, nullptr, nullptr, nullptr));
  if (copy == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // where only a parent may attach
    if (getppid() != host) _exit(128 + signal);
    syscall(SYS_close_range, 0U, ~0U, 0U);  // nobody may wait for the end of what it has open
    setpgid(0, 0);
    kill(getpid(), SIGSTOP);  // not raise(): the C library has the number of the thread that was copied
    _exit(128 + signal);
  }
  char text[160];
  if (copy < 0) {
    snprintf(text, sizeof(text), "there is no copy of the crashed process for a debugger: error %d", errno);
  } else {
    // This process's group is killed as soon as it has ended.
    while (getpgid(copy) == getpgid(0)) sched_yield();
    snprintf(
        text, sizeof(text),
        "process %d is a copy of the one that crashes, stopped there until the host ends; look at it with"
        " gdb -p %d",
        copy, copy);
  }
  Log('W', text);
}

}  // namespace eas
