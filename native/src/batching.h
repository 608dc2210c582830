// The C interface of batching, as api.h is that of the ring: how many requests a worker gives to its
// processor in one call.
#ifndef EAS_NATIVE_BATCHING_H_
#define EAS_NATIVE_BATCHING_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
#define EAS_BATCHING_OFF 0       // one request a call
#define EAS_BATCHING_FIXED 1     // waits for a full batch, or until its oldest request has waited long enough
#define EAS_BATCHING_ADAPTIVE 2  // takes what waits, and waits for more only where that pays

// When a thread takes the requests that wait as one batch.
typedef struct {
  uint64_t mode;                 // EAS_BATCHING_...
  uint64_t max_size;             // requests in a batch, 1 or more
  uint64_t max_bytes;            // of their bodies together; a larger one goes alone
  uint64_t timeout_nanoseconds;  // how long the oldest request of a batch waits for others at most
} eas_batching;

// From here on workers whose processor can do it take requests in batches.
// [front; before workers take requests]
void eas_front_set_batching(eas_ring* ring, uint64_t mode, uint64_t max_size, uint64_t max_bytes,
                            uint64_t timeout_nanoseconds);

// Besides what eas_front_set_capacity says: once `at_least` are in flight, no more than `requests` may wait.
// A thread that runs a small batch has no room for more, and none is free then. 0 requests, as at first: any
// number.
// [front]
void eas_front_set_max_waiting(eas_ring* ring, int requests, int at_least);

// Whether one more request may be submitted where `capacity` may be in flight. [front]
int eas_front_has_room(eas_ring* ring, int capacity);

// How many requests a thread of `worker` takes at once: 1 if its processor cannot do more. [front]
uint32_t eas_front_batch_size(eas_ring* ring, int worker);

// What the threads of a worker share that take batches. It lives as long as the mapping of the ring.
typedef struct eas_batches eas_batches;

// A thread that takes batches, and the requests that it has.
typedef struct {
  eas_batches* batches;
  uint32_t thread;
  uint32_t count;   // the first so many of `calls`
  uint32_t alone;   // 1: one request that must run by itself, since it may have ended a worker
  uint32_t level;   // of the call, and since when it runs; 0: none does
  uint64_t begun;   // CLOCK_MONOTONIC nanoseconds
  eas_call* calls;  // an array of the thread's own, of the size of eas_worker_open_batches
} eas_batch;

// How many requests the front wants in a batch at most; 0: no batches.
// [any thread]
uint32_t eas_worker_max_batch(eas_ring* ring);

// From here on `worker` takes batches of up to `size` requests.
// [once, before the worker is ready and its threads take requests]
eas_batches* eas_worker_open_batches(eas_ring* ring, uint32_t worker, uint32_t size);

// Waits for requests and claims those of one batch: EAS_TAKEN. Each must be completed. EAS_RESUMED = a call
// that was parked is the only one; EAS_STOPPED = a stop was asked. The call of a batch that is not `alone`
// begins here, and is to end by eas_worker_end_batch; if that did not come, the next take ends it.
// [the thread that entered]
int eas_worker_take_batch(eas_batch* batch);

// The call of the batch has ended. If it has `answered` the requests, what completes them from here on is
// reported by eas_worker_report_batch, all together; if not, the call tells nothing of what calls cost.
// [the thread that took it]
void eas_worker_end_batch(eas_batch* batch, int answered);
void eas_worker_report_batch(eas_batch* batch);

// For a thread of a program that takes its requests itself, and that has one: claims more of those that wait,
// at most `count`, without waiting, and returns how many it has put into `calls`. None if the one must run by
// itself.
// [the thread that entered]
uint32_t eas_worker_take_more(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* calls,
                              uint32_t count);

// What the calling thread completes between the two is reported all together.
void eas_worker_begin_reports(void);
void eas_worker_end_reports(eas_ring* ring);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

namespace eas {

// More requests than that are in no batch, whatever the front or a corrupt ring says.
inline constexpr uint64_t kMaxBatch = 4096;

}  // namespace eas

#endif  // EAS_NATIVE_BATCHING_H_
