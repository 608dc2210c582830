// The worker's side of the ring: to wait for a request, claim it, and complete it.
//
// Strategy: a consumer notes the doorbell, looks for work, and sleeps only if the doorbell has not changed
// since. To claim is one compare-and-swap of the slot's state; advancing the head of the queue afterwards is
// a courtesy that anybody may do, so a consumer killed between the two loses nothing. A thread may hold
// several requests, and any thread of the process may complete them: a request belongs to the number that
// took it, which its state tells, and a call to one life of its slot.
//
// Wake-ups are what costs, so they are chained: the front wakes one thread, and a thread that claims wakes
// one more only if what still waits is worth it, judged by how long this worker's calls take.
#ifndef EAS_NATIVE_WORKER_H_
#define EAS_NATIVE_WORKER_H_

#include <cstddef>
#include <cstdint>

#include "ring.h"

namespace eas {

// Each of these is documented at its eas_worker_* namesake in api.h.
bool Take(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call);
int TakeFor(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms);
void Complete(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
              uint64_t size);
void Leave(Ring& ring, uint32_t worker);

// What a request is to be completed with.
struct Result {
  int outcome;
  int status;
  uint64_t size;
};

// The first half of Reply: copies the output into the slot, or an explanation if it is too large. The
// processor's memory may be released before the second half, Complete.
Result Stage(Ring& ring, uint32_t slot, int outcome, int status, const char* data, size_t size);
void Reply(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
           const char* data, size_t size);
void Stop(Ring& ring);

}  // namespace eas

#endif  // EAS_NATIVE_WORKER_H_
