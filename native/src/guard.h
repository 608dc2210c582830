// What a guardian does; guardian.cc says why. It is here for the program, and for a copy of a worker that
// cannot become the program.
#ifndef EAS_NATIVE_GUARD_H_
#define EAS_NATIVE_GUARD_H_

#include <poll.h>
#include <unistd.h>

#include <csignal>

namespace eas {

// Waits for the death of the process behind standard input, a pidfd, and kills the group, this process
// included.
inline void Guard() {
  pollfd watched{STDIN_FILENO, POLLIN, 0};
  while (poll(&watched, 1, -1) < 0) {
  }
  kill(0, SIGKILL);
}

}  // namespace eas

#endif  // EAS_NATIVE_GUARD_H_
