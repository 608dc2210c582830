// Statistics of the requests that processors answer.
//
// Strategy: they cost two readings of the clock, one for all requests that are published in one iteration of
// the front's loop, and one for all completions that are drained together. The numbers are in the front's
// private memory, and are only changed by values that were checked: a corrupt worker can falsify the values
// of its own answers, and the numbers of wake-ups, not more.
#ifndef EAS_NATIVE_STATS_H_
#define EAS_NATIVE_STATS_H_

#include <cstdint>

#include "statistics.h"

namespace eas {

class Stats {
 public:
  void Submitted(uint64_t bytes) { stats_.bytes_in += bytes; }

  // Counts one completion. REQUIRES: `outcome` is one of EAS_RETURNED .. EAS_TOO_LARGE; with EAS_RAISED
  // `status` is 0 .. `bytes`.
  void Completed(int outcome, int status, uint64_t bytes, uint64_t nanoseconds);

  // Counts one request of a batch, which had waited so long when the batch was formed.
  void Batched(uint64_t nanoseconds) {
    ++stats_.batched;
    stats_.batch_wait_nanoseconds += nanoseconds;
  }

  // Counts one batch of `size` requests.
  void BatchFormed(uint32_t size);

  const eas_stats& all() const { return stats_; }

 private:
  eas_stats stats_{};
};

}  // namespace eas

#endif  // EAS_NATIVE_STATS_H_
