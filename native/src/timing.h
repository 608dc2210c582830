// The C interface of the timing of requests, as api.h is that of the ring: where the time of each went, for
// answers that say so (--explain).
#ifndef EAS_NATIVE_TIMING_H_
#define EAS_NATIVE_TIMING_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
// Where the time of a request went.
typedef struct {
  uint32_t worker;             // that answered it
  uint64_t queue_nanoseconds;  // until a thread of the worker took it
  uint64_t call_nanoseconds;   // from then until it was completed
  uint32_t batch;              // requests in its batch; 0: it was in none
} eas_timing;

// From here on each request is timed, which takes two more readings of the clock.
// [front; before workers take requests]
void eas_front_time_requests(eas_ring* ring);

// Where the time of the request went that was drained from this slot last. Valid until the slot is used
// again, so also when its output was copied and it is free.
// [front]
void eas_front_timing(eas_ring* ring, int slot, eas_timing* out);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_TIMING_H_
