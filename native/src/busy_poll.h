// A thread that waits may look again and again for what it waits for, instead of sleeping until it is woken.
//
// Strategy: to put a thread to sleep and to wake it takes 10 to 30 us and two calls of the kernel, and the
// other side is often quicker. Between two looks the thread gives its core away, because whoever it waits for
// may need it: the client, the front or the worker. Without that, two busy threads keep the third one from
// running, and all are slower than with sleep.
//
// Looking is a bet on a short wait and on an idle core. So it goes by trials: if fewer than half of a trial's
// waits were short, or if others needed the core for longer than the short ones can have saved, the waits
// that follow are slept, twice as many after each such trial. One wait cannot decide: threads that wait for
// one another are quick together, or not at all.
#ifndef EAS_NATIVE_BUSY_POLL_H_
#define EAS_NATIVE_BUSY_POLL_H_

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "ring.h"

namespace eas {

// Whether to poll the next wait, by how the last ones went.
class PollTrials {
 public:
  static constexpr uint32_t kTrial = 256;      // waits
  static constexpr uint32_t kMaxFailures = 7;  // after which 32,768 waits sleep
  static constexpr uint64_t kMaxLost =
      kTrial * 10'000;  // nanoseconds: what a trial saves if all waits are short

  bool MayPoll();

  // Of a wait that was polled: whether what it waited for came in time, and for how many nanoseconds others
  // had the core.
  void Count(bool in_time, uint64_t lost);

 private:
  uint32_t polled_ = 0;    // waits of this trial
  uint32_t in_time_ = 0;   // of them
  uint64_t lost_ = 0;      // in them
  uint32_t failures_ = 0;  // trials in vain, less those that paid
  uint32_t to_sleep_ = 0;  // waits until the next trial
};

class BusyPoll {
 public:
  // Calls `found` until it returns true, for some `limit` nanoseconds. False: sleep. One thread polls at a
  // time, the others get false at once.
  template <class Found>
  bool Poll(uint64_t limit, const Found& found) {
    if (limit == 0 || polling_.exchange(true, std::memory_order_acquire)) return false;
    const bool success = trials_.MayPoll() && Try(limit, found);
    polling_.store(false, std::memory_order_release);
    return success;
  }

 private:
  template <class Found>
  bool Try(uint64_t limit, const Found& found) {
    const uint64_t start = Now();
    for (;;) {
      sched_yield();
      const bool success = found();
      const uint64_t spent = Now() - start;
      if (!success && spent <= limit) continue;
      // Others had the core if it took much longer than it may.
      trials_.Count(success && spent <= limit, spent > limit ? spent - limit : 0);
      return success;
    }
  }

  std::atomic<bool> polling_{false};
  PollTrials trials_;  // of the thread that polls, one after the other
};

}  // namespace eas

#endif  // EAS_NATIVE_BUSY_POLL_H_
