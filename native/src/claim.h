// How a worker's thread gets a request: one compare-and-swap of the slot's state claims it, and nothing else
// does. Part of worker.h; nobody else claims.
#ifndef EAS_NATIVE_CLAIM_H_
#define EAS_NATIVE_CLAIM_H_

#include <cstdint>

#include "batch_rule.h"
#include "ring.h"

namespace eas {

inline constexpr uint64_t kAnySize = UINT64_MAX;

// Whether a thread has claimed a call and not completed it.
inline bool Holds(const Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call) {
  return call.slot < ring.layout.ring_size.slots &&
         ring.controls[call.slot].state.load(std::memory_order_relaxed) ==
             Pack({Phase::kRunning, worker, thread, call.sequence});
}

// Claims the first request in the queue that waits, if its body has at most `max_bytes`. Returns its slot, or
// -1 if there is none. *behind is how many wait behind it.
int ClaimFirst(Ring& ring, uint32_t worker, uint32_t thread, uint64_t max_bytes, uint64_t* behind);

// The same for a body of any size. Then wakes a thread for those behind it, as ChainWake says.
int ClaimNext(Ring& ring, uint32_t worker, uint32_t thread);

// Claims the request that a worker in this solo mode may run; -1 if there is none.
int ClaimSolo(Ring& ring, uint64_t mode, uint32_t worker, uint32_t thread);

// Until when the requests in the queue had better wait for others to go with them; 0: not any longer, and a
// batch may have *most.
uint64_t WaitForOthers(Ring& ring, BatchRule& rule, uint64_t* most);

// Wakes one more thread if the waiting requests take longer than a wake-up, or if no call was timed yet.
void ChainWake(Ring& ring, uint64_t waiting);

}  // namespace eas

#endif  // EAS_NATIVE_CLAIM_H_
