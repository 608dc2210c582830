// What the front counts of the requests that processors answer.
//
// Strategy: two readings of the clock are all that it costs, one for all requests that are published in one
// turn of the front's loop and one for all completions that are drained together. The numbers are in the
// front's private memory, and what is added to them has been checked: a wild worker can spoil what is told of
// its own answers, not more.
#ifndef EAS_NATIVE_STATS_H_
#define EAS_NATIVE_STATS_H_

#include <cstdint>

#include "api.h"

namespace eas {

class Stats {
 public:
  void Submitted(uint64_t bytes) { stats_.bytes_in += bytes; }

  // One completion: its outcome is one of EAS_RETURNED .. EAS_TOO_LARGE.
  void Completed(int outcome, int status, uint64_t bytes, uint64_t nanoseconds);

  const eas_stats& all() const { return stats_; }

 private:
  eas_stats stats_{};
};

}  // namespace eas

#endif  // EAS_NATIVE_STATS_H_
