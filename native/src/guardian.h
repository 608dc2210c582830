// What a guardian does; parent_death.cc says why. This is a header because the program needs it, and a copy
// of a worker that cannot execute the program.
#ifndef EAS_NATIVE_GUARDIAN_H_
#define EAS_NATIVE_GUARDIAN_H_

#include <poll.h>
#include <unistd.h>

#include <csignal>

namespace eas {

// Waits for the death of the process behind standard input, a pidfd, and kills the group, this process
// included.
inline void RunGuardian() {
  pollfd watched{STDIN_FILENO, POLLIN, 0};
  while (poll(&watched, 1, -1) < 0) {
  }
  kill(0, SIGKILL);
}

}  // namespace eas

#endif  // EAS_NATIVE_GUARDIAN_H_
