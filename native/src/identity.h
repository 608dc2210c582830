// Who this thread is: which worker, which thread, and what it still owes to others.
//
// What it runs is not here: a thread may hold several requests, and others may complete them, so only the
// states of the slots can tell.
//
// Read by the crash handler, so it must be reachable from a signal handler: the initial-exec model puts it at
// a fixed offset of the thread pointer, where the default model of a shared object may allocate on a thread's
// first touch.
#ifndef EAS_NATIVE_IDENTITY_H_
#define EAS_NATIVE_IDENTITY_H_

#include <cstdint>

namespace eas {

struct Identity {
  bool prompt;           // returns to Take at once after a completion: a thread of a cpp processor
  bool looking;          // counted in its worker's `looking`
  uint32_t unsignalled;  // completions that the front has not been told of

  bool entered;  // it takes requests, as the two below
  uint32_t worker;
  uint32_t thread;

  // The request that it took last.
  uint32_t slot;
  uint32_t sequence;
  uint32_t untimed;  // calls since the last that was timed
  uint64_t started;  // 0: not timed, else CLOCK_MONOTONIC nanoseconds when the request was handed out
};

// __thread rather than thread_local: it promises that there is no constructor to run first.
extern __thread Identity this_thread __attribute__((tls_model("initial-exec")));

}  // namespace eas

#endif  // EAS_NATIVE_IDENTITY_H_
