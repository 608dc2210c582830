// The C interface of answers in parts, and of calls that no thread runs, as api.h is that of the ring.
//
// A request may be answered in parts while it is RUNNING. The output span of its slot is then a ring buffer
// of bytes: the worker writes parts behind one another, and the front reads what is there and sends it on.
// The front reads no more while its client is slow, so the buffer becomes full, and that stops the worker.
// What the front has read it never takes back: if the worker dies, the client sees its connection cut.
#ifndef EAS_NATIVE_PARTS_H_
#define EAS_NATIVE_PARTS_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
// Further outcomes in eas_front_drain and eas_front_collect, which never have EAS_COPIED. The size is that of
// the bytes that eas_front_read_parts has now.
#define EAS_PARTS 5        // more of an answer in parts is there; the request goes on
#define EAS_PARTS_ENDED 6  // the answer is complete, but for the bytes that are still to be read

// What eas_worker_send_part has done
#define EAS_PART_SENT 0
#define EAS_PART_FULL 1    // there was room for *sent bytes only; an event follows when there is more
#define EAS_PART_CLOSED 2  // nobody waits for the answer any more, or the request is complete

// Returned by eas_worker_take and those like it: *call is one that eas_worker_park was called with, and that
// may go on now. The calling thread has it.
#define EAS_RESUMED 4

// ---- the front ----

// Copies at most `room` bytes of the answer in `slot` to `out`, and returns how many. Room for as many is the
// worker's again.
// [front]
size_t eas_front_read_parts(eas_ring* ring, int slot, char* out, size_t room);

// Says to the worker that runs the request in `slot` that nobody waits for its answer any more.
// [front]
void eas_front_abandon(eas_ring* ring, int slot);

// So many requests whose answers have begun do not count as requests in flight for eas_front_has_room.
// [front]
void eas_front_set_max_streams(eas_ring* ring, int requests);

// How many requests `worker` may have under way, as it has said (eas_worker_set_max_in_flight); 0: as many as
// its threads take at once.
// [front]
uint32_t eas_front_max_in_flight(eas_ring* ring, int worker);

// Whether requests of `worker` that no thread has do not count among those once their answers have begun
// (EAS_STREAMS_APART).
// [front]
int eas_front_streams_apart(eas_ring* ring, int worker);

// ---- the worker ----

// Sends a part of the answer to `call`, or the beginning of it: *sent bytes. The first part sets the status.
// Parts of one call must not be sent by two threads at the same time.
// [any thread of the worker]
int eas_worker_send_part(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int status,
                         const char* data, size_t size, size_t* sent);

// Ends an answer in parts. `status` counts if there was no part.
// [any thread of the worker]
void eas_worker_end_parts(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int status);

// The number of a thread that has a detached call.
#define EAS_DETACHED 4095

// From here on no thread has `call`, which `thread` had: pass EAS_DETACHED in its place to complete it. If
// the thread causes a crash, this call is not suspected.
// [any thread of the worker]
void eas_worker_detach(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call);

// Detaches a call that eas_worker_send_part had no room for. A thread that takes a request gets it again when
// there is room, or nobody waits for the answer: then with EAS_RESUMED.
// [any thread of the worker]
void eas_worker_park(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call);

// With the number of requests: detached ones whose answers have begun do not count among them.
#define EAS_STREAMS_APART 0x80000000

// Says that this worker may have so many requests under way, more than its threads run, because it detaches
// them.
// [any thread of the worker; before it takes a request]
void eas_worker_set_max_in_flight(eas_ring* ring, uint32_t worker, uint32_t requests);

// For a thread that can take no request now: EAS_RESUMED if a parked call may go on, which this thread has
// now; EAS_STOPPED if a stop was asked; else EAS_TIMED_OUT.
// [the thread that entered]
int eas_worker_take_parked(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call);

// Whether nobody waits for the answer to `call` any more.
// [any thread of the worker]
int eas_worker_is_abandoned(eas_ring* ring, const eas_call* call);

// The number of events so far: of this worker's calls, one has room for parts again, or nobody waits for the
// answer to one any more.
// [any thread of the worker]
uint32_t eas_worker_events(eas_ring* ring, uint32_t worker);

// Waits until the number of events is not `seen`, a stop is asked, or `timeout_ms` have passed; a negative
// number means no limit. A return without a reason is possible.
// [any thread of the worker]
void eas_worker_wait_for_event(eas_ring* ring, uint32_t worker, uint32_t seen, int timeout_ms);

// ---- the cpp processor ----

// Says in the ring how many requests the processor takes at once: eas_front_batch_size, or, if it has
// async_process, eas_front_max_in_flight, which is `max_in_flight` then.
// [main thread, after initialize succeeded, before the front is told so]
void eas_cpp_announce(eas_cpp* cpp, eas_ring* ring, uint32_t worker, uint32_t max_in_flight);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_PARTS_H_
