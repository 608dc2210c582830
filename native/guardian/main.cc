// The program `eas-guardian`, which native/src/parent_death.cc starts beside a worker. It has none of the
// worker's memory. Its standard input is the worker's pidfd.
//
// It is linked with the C library alone, so that it is small and needs no library path.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "guardian.h"

int main() {
  // If somebody starts it by hand, it must not kill the processes of that terminal.
  if (syscall(SYS_pidfd_send_signal, STDIN_FILENO, 0, nullptr, 0U) != 0 && errno == EBADF) {
    std::fprintf(stderr, "eas-guardian: this program is started by eas-host only\n");
    return 2;
  }
  eas::RunGuardian();
  return 0;
}
