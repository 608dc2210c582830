#include "worker.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "batch_rule.h"
#include "busy_poll.h"
#include "claim.h"
#include "log.h"
#include "parked_calls.h"
#include "part_buffer.h"
#include "parts.h"
#include "thread_context.h"

namespace eas {

__thread ThreadContext this_thread;

namespace {

// Calls shorter than this are quick: a thread that runs one will soon look at the queue. A context switch to
// another thread costs about as much.
constexpr uint64_t kQuickCall = 20'000;  // nanoseconds

// Completions that a thread may leave unreported while calls are quick: enough that notifications cost
// little, and few enough that the front works at the same time as the thread.
constexpr uint32_t kReportBatch = 32;

// The weight of one call is 1/8: the average follows a change within some tens of calls, and a single slow
// call has no lasting effect.
constexpr uint64_t kAverageWeight = 8;

// While calls are quick, one slow call does not count: the kernel ran something else for a time slice of some
// milliseconds, and an average with that in it has the next twenty calls each wake the front and a further
// thread. A second slow one among so many calls does count.
constexpr uint32_t kDoubtedCalls = 32;

// If the processor has overwritten the ring's number.
constexpr uint64_t kMaxBusyPoll = 1'000'000;  // nanoseconds

constexpr uint64_t kMillisecond = 1'000'000;  // nanoseconds

bool CallsAreQuick(const Ring& ring) {
  const uint64_t average = ring.call_nanoseconds.load(std::memory_order_relaxed);
  return average != 0 && average < kQuickCall;
}

bool IsTimed(const Ring& ring) { return ring.header->timed.load(std::memory_order_relaxed) != 0; }

void FillCall(Ring& ring, uint32_t slot, eas_call* call, bool timed) {
  const uint64_t size = ring.controls[slot].input_size.load(std::memory_order_relaxed);
  const uint64_t limit = ring.layout.ring_size.max_body;
  call->slot = slot;
  call->sequence = this_thread.sequence;
  call->input_size = size < limit ? size : limit;
  call->input = ring.Input(slot);
  call->output = ring.Output(slot);
  call->output_capacity = ring.layout.ring_size.max_output;
  this_thread.slot = slot;
  // While calls are quick, reading the clock twice would cost a good part of one. One call in 8 is enough.
  const bool skip =
      !timed && this_thread.in_doubt == 0 && CallsAreQuick(ring) && ++this_thread.untimed % 8 != 0;
  this_thread.started = skip ? 0 : Now();
  if (timed) ring.controls[slot].taken.store(this_thread.started, std::memory_order_relaxed);
}

// Whether a call that took `spent` is the first slow one while calls are quick.
bool IsOutlier(const Ring& ring, uint64_t spent) {
  const bool in_doubt = this_thread.in_doubt > 0;
  if (in_doubt) --this_thread.in_doubt;
  if (spent < kQuickCall || !CallsAreQuick(ring)) return false;
  this_thread.in_doubt = kDoubtedCalls;
  return !in_doubt;
}

// Only the request that this thread took last is timed: since then the thread has run nothing else.
void TimeCall(Ring& ring, const eas_call& call) {
  if (this_thread.started == 0 || this_thread.slot != call.slot || this_thread.sequence != call.sequence)
    return;
  const uint64_t now = Now();
  const uint64_t spent = now > this_thread.started ? now - this_thread.started : 0;
  this_thread.started = 0;
  if (IsOutlier(ring, spent)) return;
  const uint64_t before = ring.call_nanoseconds.load(std::memory_order_relaxed);
  // Threads may overwrite each other's value: it is an estimate. It is never 0, which means "none timed".
  const uint64_t after = before == 0 ? spent : before - before / kAverageWeight + spent / kAverageWeight;
  ring.call_nanoseconds.store(after == 0 ? 1 : after, std::memory_order_relaxed);
}

// Writes the eventfd if the front sleeps and enough is complete.
void NotifyFront(Ring& ring) {
  this_thread.unreported = 0;
  // Sequentially consistent: see Front::RequestNotification.
  std::atomic<uint32_t>& threshold = ring.header->notify_threshold;
  const uint32_t wanted = threshold.load(std::memory_order_seq_cst);
  if (wanted == 0 || (wanted > 1 && CountComplete(ring) < wanted)) return;
  if (threshold.exchange(0, std::memory_order_seq_cst) == 0) return;  // another thread writes it
  ring.header->notifications.fetch_add(1, std::memory_order_relaxed);
  const uint64_t one = 1;
  while (write(ring.completion_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

// Sets the slot's completion bit and notifies the front, at once or when a batch is complete. A thread may
// leave a completion unreported and then run a slow call. Therefore the front looks for completions by itself
// while requests wait, or asks for immediate notifications.
void ReportCompletion(Ring& ring, uint32_t slot) {
  // Sequentially consistent: see Front::RequestNotification.
  ring.bitmap[slot / 64].fetch_or(1ULL << (slot % 64), std::memory_order_seq_cst);
  if (this_thread.in_batch) {
    ++this_thread.unreported;
    return;
  }
  // Sequentially consistent: see Front::NotifyImmediately.
  const bool immediately = ring.header->notify_immediately.load(std::memory_order_seq_cst) != 0;
  if (++this_thread.unreported < kReportBatch && this_thread.takes_at_once && CallsAreQuick(ring) &&
      !immediately)
    return;
  NotifyFront(ring);
}

void StartSpinning(Ring& ring, uint32_t worker) {
  if (this_thread.spinning) return;
  this_thread.spinning = true;
  ring.workers[worker].spinning.fetch_add(1, std::memory_order_seq_cst);
}

void StopSpinning(Ring& ring, uint32_t worker) {
  if (!this_thread.spinning) return;
  this_thread.spinning = false;
  ring.workers[worker].spinning.fetch_sub(1, std::memory_order_seq_cst);  // see Front::WakeOneIfIdle
}

// Reports the completions that this thread would have reported at its next look at the queue, and says that
// it will not look.
void ReportAndStopSpinning(Ring& ring, uint32_t worker) {
  if (this_thread.unreported > 0) NotifyFront(ring);
  StopSpinning(ring, worker);
}

// Looks at the queue for a while instead of sleeping, and claims what comes; -1 if nothing has.
int PollQueue(Ring& ring, uint32_t worker, uint32_t thread) {
  const uint64_t limit = std::min(ring.header->busy_poll.load(std::memory_order_relaxed), kMaxBusyPoll);
  int slot = -1;
  ring.request_poll->Poll(limit, [&ring, &slot, worker, thread] {
    slot = ClaimNext(ring, worker, thread);
    return slot >= 0 || ring.stopping.load(std::memory_order_relaxed) ||
           ring.workers[worker].mode.load(std::memory_order_relaxed) != kModeQueue;
  });
  return slot;
}

// A thread that goes on with one call looks at the queue before the next one: new requests have their turn.
bool Resume(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call) {
  this_thread.resumed_last = ring.parked->Resume(ring, worker, thread, call);
  if (this_thread.resumed_last) StopSpinning(ring, worker);
  return this_thread.resumed_last;
}

// How long a text in the place of an output may be: where an answer in parts has begun, as long as these.
uint64_t RoomForText(const Ring& ring, uint32_t slot) {
  const bool in_parts = ring.controls[slot].outcome.load(std::memory_order_relaxed) == EAS_PARTS;
  return in_parts ? PartBuffer(ring, slot).capacity() : ring.layout.output_span;
}

// The last step of each request. REQUIRES: outcome, status and output are in the slot.
void MakeDone(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call) {
  TimeCall(ring, call);
  SlotControl& control = ring.controls[call.slot];
  if (IsTimed(ring)) control.completed.store(Now(), std::memory_order_relaxed);
  uint64_t held = Pack({Phase::kRunning, worker, thread, call.sequence});
  const uint64_t done = Pack({Phase::kDone, worker, thread, call.sequence});
  // Release: whoever sees DONE sees the output.
  if (control.state.compare_exchange_strong(held, done, std::memory_order_acq_rel))
    ReportCompletion(ring, call.slot);
}

// How the first request of a batch was taken.
struct First {
  bool alone;       // it must run alone
  uint64_t most;    // requests that the batch may have
  uint64_t behind;  // requests that wait behind it
};

// As TakeFor. With `rule`, by which requests wait for others, it wakes no thread for those in *first.
int TakeFirst(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms, BatchRule* rule,
              First* first) {
  uint64_t deadline = kNever;
  for (;;) {
    // Acquire, and before the look at the queue: what was published before this wake-up is visible below.
    const uint32_t wake_count = ring.header->wake_count.load(std::memory_order_acquire);
    if (ring.stopping.load(std::memory_order_acquire)) {
      ReportAndStopSpinning(ring, worker);
      return EAS_STOPPED;
    }
    const uint64_t mode = ring.workers[worker].mode.load(std::memory_order_acquire);
    const bool solo = mode != kModeQueue;
    const bool parked = !ring.parked->empty();
    if (parked && !this_thread.resumed_last && Resume(ring, worker, thread, call)) return EAS_RESUMED;
    const uint64_t until = solo || rule == nullptr ? 0 : WaitForOthers(ring, *rule, &first->most);
    int slot = -1;
    if (solo) {
      slot = ClaimSolo(ring, mode, worker, thread);
    } else if (rule == nullptr) {
      slot = ClaimNext(ring, worker, thread);
    } else if (until == 0) {
      slot = ClaimFirst(ring, worker, thread, kAnySize, &first->behind);
    }
    if (slot < 0 && this_thread.unreported > 0) NotifyFront(ring);
    if (slot < 0 && this_thread.spinning && !solo && timeout_ms != 0 && rule == nullptr)
      slot = PollQueue(ring, worker, thread);
    if (slot >= 0) {
      this_thread.resumed_last = false;
      first->alone = solo;
      if (CallsAreQuick(ring) && !solo) {
        StartSpinning(ring, worker);
      } else {
        StopSpinning(ring, worker);
      }
      FillCall(ring, static_cast<uint32_t>(slot), call, rule != nullptr || IsTimed(ring));
      return EAS_TAKEN;
    }
    if (this_thread.spinning) {
      StopSpinning(ring, worker);
      continue;  // the front may have relied on this thread a moment ago: look at the queue once more
    }
    if (parked && this_thread.resumed_last && Resume(ring, worker, thread, call)) return EAS_RESUMED;
    if (timeout_ms == 0) return EAS_TIMED_OUT;
    // Not earlier: a thread that finds a request at once need not read the clock.
    if (timeout_ms > 0 && deadline == kNever)
      deadline = Now() + kMillisecond * static_cast<uint64_t>(timeout_ms);
    const uint32_t sleepers = (solo ? kSoloSleepers : kQueueSleepers) | WorkerSleepers(worker);
    const bool for_others = until != 0 && (deadline == kNever || until < deadline);
    const int reason = WaitForWake(ring, wake_count, sleepers, for_others ? until : deadline);
    if (reason == ETIMEDOUT && for_others) continue;
    if (reason == ETIMEDOUT) return EAS_TIMED_OUT;
    if (reason == EINTR) return EAS_INTERRUPTED;
  }
}

}  // namespace

int Take(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call) {
  int taken;
  do {
    taken = TakeFor(ring, worker, thread, call, -1);
  } while (taken == EAS_INTERRUPTED);
  return taken;
}

int TakeFor(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms) {
  First first{};
  return TakeFirst(ring, worker, thread, call, timeout_ms, nullptr, &first);
}

int TakeBatch(Ring& ring, uint32_t worker, uint32_t thread, BatchRule& rule, std::vector<eas_call>* calls,
              bool* alone) {
  eas_call call;
  First first{};
  int taken;
  do {
    taken = TakeFirst(ring, worker, thread, &call, -1, &rule, &first);
  } while (taken == EAS_INTERRUPTED);
  calls->clear();
  if (taken == EAS_STOPPED) return taken;
  calls->push_back(call);
  *alone = first.alone;
  if (taken == EAS_RESUMED || first.alone) return taken;
  const eas_batching& batching = rule.batching();
  uint64_t bytes = call.input_size;
  uint64_t behind = first.behind;
  while (calls->size() < first.most && bytes <= batching.max_bytes) {
    const int slot = ClaimFirst(ring, worker, thread, batching.max_bytes - bytes, &behind);
    if (slot < 0) break;
    FillCall(ring, static_cast<uint32_t>(slot), &call, true);
    calls->push_back(call);
    bytes += call.input_size;
  }
  ChainWake(ring, behind);
  uint32_t batch = static_cast<uint32_t>(calls->size()) | kBatchLeader;
  for (const eas_call& taken_call : *calls) {
    ring.controls[taken_call.slot].batch.store(batch, std::memory_order_relaxed);
    batch &= ~kBatchLeader;
  }
  return EAS_TAKEN;
}

uint32_t TakeMore(Ring& ring, uint32_t worker, uint32_t thread, eas_call* calls, uint32_t count) {
  if (ring.workers[worker].mode.load(std::memory_order_acquire) != kModeQueue) return 0;
  uint32_t taken = 0;
  uint64_t behind = 0;
  while (taken < count) {
    const int slot = ClaimFirst(ring, worker, thread, kAnySize, &behind);
    if (slot < 0) break;
    FillCall(ring, static_cast<uint32_t>(slot), &calls[taken++], IsTimed(ring));
  }
  if (taken > 0) ChainWake(ring, behind);
  return taken;
}

void Complete(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
              uint64_t size) {
  if (!Holds(ring, worker, thread, call)) return;
  SlotControl& control = ring.controls[call.slot];
  control.outcome.store(outcome, std::memory_order_relaxed);
  control.status.store(status, std::memory_order_relaxed);
  control.output_size.store(size, std::memory_order_relaxed);
  MakeDone(ring, worker, thread, call);
}

void CompleteParts(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call) {
  if (Holds(ring, worker, thread, call)) MakeDone(ring, worker, thread, call);
}

// If the bit is set already, the front has not looked since it was told, and will see this part, too.
void ReportPart(Ring& ring, uint32_t slot, bool first) {
  // Sequentially consistent: see Front::RequestNotification.
  const uint64_t bit = 1ULL << (slot % 64);
  const uint64_t before = ring.bitmap[slot / 64].fetch_or(bit, std::memory_order_seq_cst);
  if (first || (before & bit) == 0) NotifyFront(ring);
}

Result StageOutput(Ring& ring, uint32_t slot, int outcome, int status, const char* data, size_t size) {
  if (slot >= ring.layout.ring_size.slots) return {outcome, status, 0};
  const uint64_t limit = ring.layout.ring_size.max_output;
  std::string explanation;
  if (outcome == EAS_RETURNED && size > limit) {
    explanation = "the processor's output has " + std::to_string(size) + " bytes, more than the " +
                  std::to_string(limit) + " of --max-output";
    Log('E', explanation);
    outcome = EAS_TOO_LARGE;
    data = explanation.data();
    size = explanation.size();
  }
  if (outcome != EAS_RETURNED) size = std::min(size, RoomForText(ring, slot));
  // The front may be reading parts here. It drops what it has read if there are none any more.
  std::atomic<int32_t>& present = ring.controls[slot].outcome;
  if (present.load(std::memory_order_relaxed) == EAS_PARTS)
    present.exchange(outcome, std::memory_order_acq_rel);
  if (size > 0) std::memcpy(ring.Output(slot), data, size);
  return {outcome, status, size};
}

void Reply(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
           const char* data, size_t size) {
  if (!Holds(ring, worker, thread, call)) return;  // the slot may belong to another request by now
  const Result result = StageOutput(ring, call.slot, outcome, status, data, size);
  Complete(ring, worker, thread, call, result.outcome, result.status, result.size);
}

void ReplyRaised(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, std::string_view message,
                 std::string_view frames) {
  if (call.slot >= ring.layout.ring_size.slots) return;
  if (message.size() + frames.size() > RoomForText(ring, call.slot)) frames = {};
  std::string text(message);
  text.append(frames);
  Reply(ring, worker, thread, call, EAS_RAISED, static_cast<int>(frames.size()), text.data(), text.size());
}

void LeaveThread(Ring& ring, uint32_t worker) {
  ReportAndStopSpinning(ring, worker);
  this_thread.takes_at_once = false;
  this_thread.entered = false;
}

void BeginReports() { this_thread.in_batch = true; }

void EndReports(Ring& ring) {
  this_thread.in_batch = false;
  if (this_thread.unreported > 0) NotifyFront(ring);
}

void PrepareToWait(Ring& ring, uint32_t worker) { ReportAndStopSpinning(ring, worker); }

void EndTurn(Ring& ring, const eas_call& call) { TimeCall(ring, call); }

void TakeAtOnce() { this_thread.takes_at_once = true; }

void Stop(Ring& ring) {
  ring.stopping.store(true, std::memory_order_release);
  WakeSleepers(ring, INT_MAX, kQueueSleepers | kSoloSleepers);
  for (uint32_t worker = 0; worker < ring.layout.ring_size.workers; ++worker) TellEvent(ring, worker);
}

}  // namespace eas
