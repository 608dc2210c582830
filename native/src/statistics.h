// The C interface of the statistics, as api.h is that of the ring.
#ifndef EAS_NATIVE_STATISTICS_H_
#define EAS_NATIVE_STATISTICS_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
// Counts of the requests that processors answered, since the front mapped the ring. A request that was
// cancelled, released before it was drained, or excluded, is in bytes_in only.
typedef struct {
  uint64_t latency[15];          // requests by the time until they were drained; see eas_latency_bounds
  uint64_t latency_nanoseconds;  // the sum of these times
  uint64_t returned[1000];       // requests that returned, by status
  uint64_t returned_other;       // with a status outside of 0 .. 999
  uint64_t raised;
  uint64_t bad;            // bad output, or too large
  uint64_t bytes_in;       // of all bodies submitted or published
  uint64_t bytes_out;      // of the outputs of those counted, explanations included
  uint64_t wake_ups;       // of worker threads: calls of the kernel, by the front or another thread
  uint64_t notifications;  // wake-ups of the front
  uint64_t batches[12];    // calls with so many requests or fewer: 1, 2, 4, ... 1024; the last with more
  uint64_t batched;        // requests in them
  uint64_t batch_wait_nanoseconds;  // the time until their batches were formed, summed up over the requests
  uint64_t direct;                  // answered by the data plane (plane.h), without the front's Python
} eas_stats;

// The longest time of each bucket in nanoseconds; the last has none.
extern const uint64_t eas_latency_bounds[14];

// Moves the start time of a request in flight back, because it began before it was published: its upload took
// time, or it waited behind another request.
// [front]
void eas_front_start_earlier(eas_ring* ring, int slot, int64_t nanoseconds);

// Excludes a request in flight from the statistics: no client waits for it any more.
// [front]
void eas_front_exclude_from_stats(eas_ring* ring, int slot);

// Copies the statistics so far.
// [front]
void eas_front_stats(eas_ring* ring, eas_stats* out);

// How many completions of a worker were drained since the ring was made, by whichever of its processes.
// [front]
uint64_t eas_front_completed(eas_ring* ring, int worker);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_STATISTICS_H_
