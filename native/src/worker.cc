#include "worker.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "identity.h"
#include "log.h"

namespace eas {

__thread Identity this_thread;

namespace {

// Work below this is done sooner by the thread that is awake than by waking another: on two cores five
// threads that were wakened together served 33,000 to 43,000 requests/s, one after the other 41,000 to
// 48,000.
constexpr uint64_t kWakeCost = 50'000;  // nanoseconds

// Calls shorter than this are quick: a thread that is busy with one will look at the queue soon. A context
// switch to another thread costs about as much.
constexpr uint64_t kQuickCall = 20'000;  // nanoseconds

// Completions that a thread may keep to itself while calls are quick: enough to make the signals' share
// small, few enough that the front works while the thread does.
constexpr uint32_t kSignalBatch = 32;

// One in 8: the average follows a change within some tens of calls and forgets a single slow one.
constexpr uint64_t kAverageWeight = 8;

constexpr uint64_t kMillisecond = 1'000'000;  // nanoseconds

// Claims the slot if it is SUBMITTED for `kept_for`. This is the one step that gives a request to a thread.
bool Claim(Control& control, uint32_t kept_for, uint32_t worker, uint32_t thread) {
  uint64_t seen = control.state.load(std::memory_order_relaxed);
  const State state = Unpack(seen);
  if (state.phase != Phase::kSubmitted || state.worker != kept_for) return false;
  const uint64_t mine = Pack({Phase::kRunning, worker, thread, state.sequence});
  // Acquire: the body was written before the state said SUBMITTED.
  if (!control.state.compare_exchange_strong(seen, mine, std::memory_order_acq_rel)) return false;
  this_thread.sequence = state.sequence;
  return true;
}

// Wakes one more thread if the entries that wait are more work than a wake-up costs, or if nobody knows yet.
void ChainWake(Ring& ring, uint64_t waiting) {
  if (waiting == 0) return;
  const uint64_t average = ring.call_nanoseconds.load(std::memory_order_relaxed);
  if (average == 0 || average * waiting > kWakeCost) RingBell(ring, 1, kQueueSleepers);
}

// Claims the first entry of the queue whose slot waits; -1 if there is none.
int ClaimNext(Ring& ring, uint32_t worker, uint32_t thread) {
  const uint64_t mask = ring.layout.entries - 1;
  std::atomic<uint64_t>& shared_head = ring.header->head;
  uint64_t head = shared_head.load(std::memory_order_acquire);
  for (;;) {
    // The entries below the tail are written. Sequentially consistent: see Front::Nudge.
    const uint64_t waiting = ring.header->tail.load(std::memory_order_seq_cst) - head;
    if (waiting == 0) return -1;
    if (waiting > ring.layout.entries) {
      // The others went round the ring since the head was read. If not, head or tail is damaged: the front
      // mends it.
      const uint64_t fresh = shared_head.load(std::memory_order_acquire);
      if (fresh == head) return -1;
      head = fresh;
      continue;
    }
    const uint32_t slot = ring.entries[head & mask].load(std::memory_order_relaxed);
    const bool claimed =
        slot < ring.layout.shape.slots && Claim(ring.controls[slot], kAnyone, worker, thread);
    // Best effort: if it fails, somebody else has advanced it, and `head` is what it is now.
    const bool advanced = shared_head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel);
    if (claimed) {
      ChainWake(ring, waiting - 1);
      return static_cast<int>(slot);
    }
    if (advanced) ++head;
  }
}

int ClaimSolo(Ring& ring, uint64_t mode, uint32_t worker, uint32_t thread) {
  if ((mode & kModeSoloSlot) != kModeSoloSlot) return -1;
  const uint64_t slot = mode & ~kModeSoloSlot;
  if (slot >= ring.layout.shape.slots) return -1;
  return Claim(ring.controls[slot], worker, worker, thread) ? static_cast<int>(slot) : -1;
}

bool Quick(const Ring& ring) {
  const uint64_t average = ring.call_nanoseconds.load(std::memory_order_relaxed);
  return average != 0 && average < kQuickCall;
}

void HandOut(Ring& ring, uint32_t slot, eas_call* call) {
  const uint64_t size = ring.controls[slot].input_size.load(std::memory_order_relaxed);
  const uint64_t limit = ring.layout.shape.max_body;
  call->slot = slot;
  call->sequence = this_thread.sequence;
  call->input_size = size < limit ? size : limit;
  call->input = ring.Input(slot);
  call->output = ring.Output(slot);
  call->output_capacity = ring.layout.shape.max_output;
  this_thread.slot = slot;
  // While calls are quick, reading the clock twice would be a good part of one: one in 8 is enough to notice.
  this_thread.started = Quick(ring) && ++this_thread.untimed % 8 != 0 ? 0 : Now();
}

// Only the thread that took a request last knows how long it was busy with nothing else.
void TimeCall(Ring& ring, const eas_call& call) {
  if (this_thread.started == 0 || this_thread.slot != call.slot || this_thread.sequence != call.sequence)
    return;
  const uint64_t now = Now();
  const uint64_t spent = now > this_thread.started ? now - this_thread.started : 0;
  this_thread.started = 0;
  const uint64_t before = ring.call_nanoseconds.load(std::memory_order_relaxed);
  // Threads may overwrite each other here: it is an estimate. Never 0, which means "none timed".
  const uint64_t after = before == 0 ? spent : before - before / kAverageWeight + spent / kAverageWeight;
  ring.call_nanoseconds.store(after == 0 ? 1 : after, std::memory_order_relaxed);
}

// Tells the front, if it sleeps, that something is complete.
void Signal(Ring& ring) {
  this_thread.unsignalled = 0;
  // Sequentially consistent: see Front::Arm.
  std::atomic<uint32_t>& armed = ring.header->armed;
  const uint32_t wanted = armed.load(std::memory_order_seq_cst);
  if (wanted == 0 || (wanted > 1 && CountComplete(ring) < wanted)) return;
  if (armed.exchange(0, std::memory_order_seq_cst) == 0) return;  // another thread does
  const uint64_t one = 1;
  while (write(ring.completion_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

// Sets the slot's completion bit and signals, at once or when a batch is complete. A thread that keeps a
// completion to itself and then meets a slow call is why the front looks by itself while something waits, or
// says that it rests.
void TellFront(Ring& ring, uint32_t slot) {
  // Sequentially consistent: see Front::Arm.
  ring.bitmap[slot / 64].fetch_or(1ULL << (slot % 64), std::memory_order_seq_cst);
  // Sequentially consistent: see Front::Rest.
  const bool resting = ring.header->resting.load(std::memory_order_seq_cst) != 0;
  if (++this_thread.unsignalled < kSignalBatch && this_thread.prompt && Quick(ring) && !resting) return;
  Signal(ring);
}

void StartLooking(Ring& ring, uint32_t worker) {
  if (this_thread.looking) return;
  this_thread.looking = true;
  ring.workers[worker].looking.fetch_add(1, std::memory_order_seq_cst);
}

void StopLooking(Ring& ring, uint32_t worker) {
  if (!this_thread.looking) return;
  this_thread.looking = false;
  ring.workers[worker].looking.fetch_sub(1, std::memory_order_seq_cst);  // see Front::Nudge
}

// Nobody shall wait for something that this thread kept for its next look at the queue.
void Settle(Ring& ring, uint32_t worker) {
  if (this_thread.unsignalled > 0) Signal(ring);
  StopLooking(ring, worker);
}

bool Holds(const Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call) {
  if (call.slot >= ring.layout.shape.slots) return false;
  return ring.controls[call.slot].state.load(std::memory_order_relaxed) ==
         Pack({Phase::kRunning, worker, thread, call.sequence});
}

}  // namespace

bool Take(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call) {
  int taken;
  do {
    taken = TakeFor(ring, worker, thread, call, -1);
  } while (taken == EAS_INTERRUPTED);
  return taken == EAS_TAKEN;
}

int TakeFor(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms) {
  uint64_t deadline = kNever;
  for (;;) {
    // Acquire, and before looking: what was published before this ring of the bell is visible below.
    const uint32_t bell = ring.header->doorbell.load(std::memory_order_acquire);
    if (ring.stopping.load(std::memory_order_acquire)) {
      Settle(ring, worker);
      return EAS_STOPPED;
    }
    const uint64_t mode = ring.workers[worker].mode.load(std::memory_order_acquire);
    const bool solo = mode != kModeQueue;
    const int slot = solo ? ClaimSolo(ring, mode, worker, thread) : ClaimNext(ring, worker, thread);
    if (slot >= 0) {
      if (Quick(ring) && !solo) {
        StartLooking(ring, worker);
      } else {
        StopLooking(ring, worker);
      }
      HandOut(ring, static_cast<uint32_t>(slot), call);
      return EAS_TAKEN;
    }
    if (this_thread.unsignalled > 0) Signal(ring);
    if (this_thread.looking) {
      StopLooking(ring, worker);
      continue;  // the front may have counted on this thread a moment ago: look once more
    }
    if (timeout_ms == 0) return EAS_TIMED_OUT;
    // Not before: who finds a request at once needs no clock.
    if (timeout_ms > 0 && deadline == kNever)
      deadline = Now() + kMillisecond * static_cast<uint64_t>(timeout_ms);
    const int reason = WaitBell(ring, bell, solo ? kSoloSleepers : kQueueSleepers, deadline);
    if (reason == ETIMEDOUT) return EAS_TIMED_OUT;
    if (reason == EINTR) return EAS_INTERRUPTED;
  }
}

void Complete(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
              uint64_t size) {
  if (!Holds(ring, worker, thread, call)) return;
  TimeCall(ring, call);
  Control& control = ring.controls[call.slot];
  control.outcome.store(outcome, std::memory_order_relaxed);
  control.status.store(status, std::memory_order_relaxed);
  control.output_size.store(size, std::memory_order_relaxed);
  uint64_t held = Pack({Phase::kRunning, worker, thread, call.sequence});
  const uint64_t done = Pack({Phase::kDone, worker, thread, call.sequence});
  // Release: who sees DONE sees the output.
  if (control.state.compare_exchange_strong(held, done, std::memory_order_acq_rel))
    TellFront(ring, call.slot);
}

Result Stage(Ring& ring, uint32_t slot, int outcome, int status, const char* data, size_t size) {
  if (slot >= ring.layout.shape.slots) return {outcome, status, 0};
  const uint64_t limit = ring.layout.shape.max_output;
  std::string explanation;
  if (outcome == EAS_RETURNED && size > limit) {
    explanation = "the processor's output has " + std::to_string(size) + " bytes, more than the " +
                  std::to_string(limit) + " of --max-output";
    Log('E', explanation);
    outcome = EAS_TOO_LARGE;
    data = explanation.data();
    size = explanation.size();
  }
  if (outcome != EAS_RETURNED && size > ring.layout.output_span) size = ring.layout.output_span;
  if (size > 0) std::memcpy(ring.Output(slot), data, size);
  return {outcome, status, size};
}

void Reply(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int outcome, int status,
           const char* data, size_t size) {
  if (!Holds(ring, worker, thread, call)) return;  // the slot's output may be another request's by now
  const Result result = Stage(ring, call.slot, outcome, status, data, size);
  Complete(ring, worker, thread, call, result.outcome, result.status, result.size);
}

void Leave(Ring& ring, uint32_t worker) {
  Settle(ring, worker);
  this_thread.entered = false;
}

void Stop(Ring& ring) {
  ring.stopping.store(true, std::memory_order_release);
  RingBell(ring, INT_MAX, kQueueSleepers | kSoloSleepers);
}

}  // namespace eas
