// The worker's side of the ring: to wait for a request, claim it, and complete it.
//
// Strategy: a consumer reads the wake count, looks at the queue, and sleeps only if the wake count has not
// changed since. One compare-and-swap of the slot's state claims a request. The head of the queue advances
// afterwards, and any process may do that, so nothing is lost if a consumer is killed between the two steps.
// A thread may hold several requests, and any thread of the process may complete them: the state of a slot
// says which thread number took the request, and the sequence says which request of the slot a call is.
//
// Wake-ups are expensive, so they are chained: the front wakes one thread, and a thread that claims a request
// wakes one more only if the requests that still wait take longer than a wake-up, by the average of this
// worker's calls.
#ifndef EAS_NATIVE_WORKER_H_
#define EAS_NATIVE_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "batch_rule.h"
#include "ring.h"

namespace eas {

// Each of these is documented in api.h at the function of the same name, eas_worker_*.
int Take(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call);
int TakeFor(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms);
void Complete(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
              uint64_t size);
void LeaveThread(Ring& ring, uint32_t worker);

// Completes a request whose answer was sent in parts.
void CompleteParts(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call);

// Tells the front of a part in the slot; of the first one in any case.
void ReportPart(Ring& ring, uint32_t slot, bool first);

// When the front wants requests to be taken as batches.
eas_batching ReadBatching(const Ring& ring);

// Waits for requests and claims those that `rule` puts into one batch, in the order of their arrival:
// EAS_TAKEN. *alone is whether it is one request that must run by itself: it may have ended a worker.
// EAS_RESUMED = a call that was parked is the only one; EAS_STOPPED = a stop was asked.
int TakeBatch(Ring& ring, uint32_t worker, uint32_t thread, BatchRule& rule, std::vector<eas_call>* calls,
              bool* alone);

// For a thread that has a request: claims more of those that wait, at most `count`, without waiting. None in
// solo mode.
uint32_t TakeMore(Ring& ring, uint32_t worker, uint32_t thread, eas_call* calls, uint32_t count);

// Between the two the completions of the calling thread are not reported; then they are, all together.
void BeginReports();
void EndReports(Ring& ring);

// Reports what the calling thread has completed, before it waits for something else than a request.
void PrepareToWait(Ring& ring, uint32_t worker);

// Says that the calling thread, which has taken `call`, is free for the next one; `call` goes on without it.
void EndTurn(Ring& ring, const eas_call& call);

// Says that the calling thread, which entered, takes its next request at once after each completion, until it
// leaves.
void TakeAtOnce();

// The values with which a request is completed.
struct Result {
  int outcome;
  int status;
  uint64_t size;
};

// The first half of Reply: copies the output into the slot, or an explanation if the output is too large. The
// processor's memory may be freed before the second half, Complete.
Result StageOutput(Ring& ring, uint32_t slot, int outcome, int status, const char* data, size_t size);
void Reply(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
           const char* data, size_t size);
void ReplyRaised(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, std::string_view message,
                 std::string_view frames);
void Stop(Ring& ring);

}  // namespace eas

#endif  // EAS_NATIVE_WORKER_H_
