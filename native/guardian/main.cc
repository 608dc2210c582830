// The program `eas-guardian`: what native/src/guardian.cc starts beside a worker. It holds none of the
// worker's memory. Its standard input is the worker's pidfd.
//
// It is linked with the C library alone, so that it is small and needs no place to look for libraries.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "guard.h"

int main() {
  // By hand, in somebody's terminal, it would kill what it has not been asked to.
  if (syscall(SYS_pidfd_send_signal, STDIN_FILENO, 0, nullptr, 0U) != 0 && errno == EBADF) {
    std::fprintf(stderr, "eas-guardian: it is started by eas-host only\n");
    return 2;
  }
  eas::Guard();
  return 0;
}
