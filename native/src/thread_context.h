// What a thread knows of itself: the numbers of its worker and of its own, and what it has yet to report.
//
// The requests that it runs are not here: a thread may hold several requests, and other threads may complete
// them, so only the states of the slots can tell.
//
// The crash handler reads this, so a signal handler must be able to reach it. The initial-exec model puts it
// at a fixed offset from the thread pointer; the default model of a shared object may allocate memory at the
// first access of a thread.
#ifndef EAS_NATIVE_THREAD_CONTEXT_H_
#define EAS_NATIVE_THREAD_CONTEXT_H_

#include <cstdint>

namespace eas {

struct ThreadContext {
  bool takes_at_once;   // calls Take at once after a completion: a thread that does nothing else
  bool spinning;        // counted in its worker's `spinning`
  bool resumed_last;    // has taken a parked call last, and no new request since
  bool in_batch;        // reports its completions together, once it has completed a whole batch
  uint32_t unreported;  // completions of which the front was not notified

  // The output that the host checks, copies and frees now. A crash meanwhile is a matter of this pointer.
  const void* output;

  // This thread, perhaps one of the processor's, answers the request in that slot: a crash meanwhile is a
  // matter of it.
  bool answers;
  uint32_t answered_slot;
  uint32_t answered_sequence;

  bool entered;  // takes requests under the two numbers below
  uint32_t worker;
  uint32_t thread;

  uintptr_t stack_low;  // where its stack ends, below which there is a guard page

  // The request that it took last.
  uint32_t slot;
  uint32_t sequence;
  uint32_t untimed;   // calls since the last that was timed
  uint64_t started;   // 0: not timed, else CLOCK_MONOTONIC nanoseconds when the request was handed out
  uint32_t in_doubt;  // calls that are still looked at, after one that was slow while calls are quick
};

// __thread rather than thread_local: so no constructor has to run at the first access.
extern __thread ThreadContext this_thread __attribute__((tls_model("initial-exec")));

}  // namespace eas

#endif  // EAS_NATIVE_THREAD_CONTEXT_H_
