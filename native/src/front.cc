#include "front.h"

#include <fcntl.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "parts.h"

namespace eas {
namespace {

// A slot keeps up to this much memory for its next request; the front gives more than that back. Measured:
// to fault 1 MiB in again costs 0.2 ms. That is much for a request of that size, and little beside the
// copying of a larger one.
constexpr uint64_t kKeepBytes = 1 << 20;

// The most completions that may gather before the front is notified. To wake the front costs some 50 us where
// a processor fills the caches of the cores; divided by 8 requests that is small.
constexpr int kMaxNotifyThreshold = 8;

// A quarter of the requests that wait: so the front hears of a completion after at most a quarter of the time
// that its request has waited, and the threads have other requests to run until the front has reacted.
constexpr int kNotifyShare = 4;

}  // namespace

Front::Front(Ring& ring)
    : ring_(ring), records_(ring.layout.ring_size.slots), completed_(ring.layout.ring_size.workers) {
  scratch_.reserve(records_.size());
  free_.reserve(records_.size());
  for (int slot = static_cast<int>(records_.size()) - 1; slot >= 0; --slot) free_.push_back(slot);
}

int Front::Submit(const char* body, size_t size) {
  if (size > ring_.layout.ring_size.max_body) return -1;
  const int slot = Reserve();
  if (slot < 0) return -1;
  Write(slot, 0, body, size);
  Publish(slot, size);
  return slot;
}

int Front::Reserve() {
  if (free_.empty()) return -1;
  const int slot = free_.back();
  free_.pop_back();
  SlotRecord& record = records_[slot];
  record.holder = Holder::kFront;
  record.output_unknown = false;
  record.empty = false;
  record.input_used = 0;
  record.output_used = 0;
  return slot;
}

char* Front::Room(int slot, size_t offset, size_t size) {
  const uint64_t limit = ring_.layout.ring_size.max_body;
  if (!Exists(slot) || records_[slot].holder != Holder::kFront) return nullptr;
  if (offset > limit || size > limit - offset) return nullptr;
  SlotRecord& record = records_[slot];
  if (offset + size > record.input_used) record.input_used = offset + size;
  return ring_.Input(slot) + offset;
}

bool Front::Write(int slot, size_t offset, const char* data, size_t size) {
  char* const room = Room(slot, offset, size);
  if (room == nullptr) return false;
  if (size > 0) std::memcpy(room, data, size);
  return true;
}

void Front::Publish(int slot, size_t size) {
  if (!Exists(slot) || records_[slot].holder != Holder::kFront || size > ring_.layout.ring_size.max_body)
    return;
  ring_.Input(slot)[size] = '\0';  // for processors that read text; the span has a page to spare
  ring_.controls[slot].input_size.store(size, std::memory_order_relaxed);
  records_[slot].arrival = arrivals_++;
  if (batch_start_ == kNever) batch_start_ = Now();
  records_[slot].start_time = batch_start_;
  ring_.controls[slot].submitted.store(batch_start_, std::memory_order_relaxed);
  stats_.Submitted(size);
  records_[slot].in_flight = true;
  ++in_flight_;
  MakeClaimable(slot, kAnyWorker);
  Enqueue(slot);
}

// Makes the slot claimable for `worker`, under a new sequence.
void Front::MakeClaimable(int slot, uint32_t worker) {
  SlotRecord& record = records_[slot];
  record.holder = Holder::kWorkers;
  const State state{Phase::kSubmitted, worker, 0, ++record.sequence};
  ring_.controls[slot].batch.store(0, std::memory_order_relaxed);
  ring_.controls[slot].outcome.store(EAS_RETURNED, std::memory_order_relaxed);  // no answer in parts
  record.parts_read = 0;
  // Release: whoever claims the slot (acquire) sees its body and its size.
  ring_.controls[slot].state.store(Pack(state), std::memory_order_release);
}

void Front::Enqueue(int slot) {
  if (tail_ - head_seen_ >= ring_.layout.entries) {
    head_seen_ = ring_.header->head.load(std::memory_order_acquire);
    // The queue has four entries for each slot, so it is full of stale entries, or the head is corrupt. The
    // slot is SUBMITTED already, so the rebuilt queue has it.
    if (tail_ - head_seen_ >= ring_.layout.entries) return RebuildQueue();
  }
  ring_.entries[tail_ & (ring_.layout.entries - 1)].store(slot, std::memory_order_relaxed);
  // Release: whoever sees the new tail sees the entry.
  ring_.header->tail.store(++tail_, std::memory_order_release);
}

void Front::Wake(int threads) {
  ring_.header->waking.store(0, std::memory_order_seq_cst);  // that thread may have died on its way
  if (threads > 0) WakeSleepers(ring_, threads, kQueueSleepers);
}

void Front::WakeOneIfIdle() {
  batch_start_ = kNever;
  const uint64_t waiting = tail_ - ring_.header->head.load(std::memory_order_relaxed);
  if (waiting == 0) return;
  // Sequentially consistent, here and where a thread stops spinning (worker.cc): either this function sees
  // that no thread spins, or that thread, which looks at the queue once more, sees the tail. The store only
  // establishes that order: once for each wake-up is cheaper than once for each submission.
  ring_.header->tail.store(tail_, std::memory_order_seq_cst);
  const eas_ring_size& ring_size = ring_.layout.ring_size;
  for (uint32_t worker = 0; worker < ring_size.workers; ++worker) {
    const uint32_t spinning = ring_.workers[worker].spinning.load(std::memory_order_seq_cst);
    if (spinning > 0 && spinning <= ring_size.threads) return;
  }
  WakeOne(ring_, waiting);
}

State Front::Read(int slot) const {
  // Acquire: whoever sees DONE sees the output.
  return Unpack(ring_.controls[slot].state.load(std::memory_order_acquire));
}

bool Front::WaitsForAnyWorker(int slot) const {
  if (!WithWorkers(slot)) return false;
  const State state = Read(slot);
  return state.phase == Phase::kSubmitted && state.worker == kAnyWorker &&
         state.sequence == records_[slot].sequence;
}

// Advances the head over entries that no thread will run: their requests were cancelled, or claimed by a
// thread that was killed before it advanced the head. Consumers take the same step and may race with this.
void Front::SkipStaleEntries() {
  std::atomic<uint64_t>& shared_head = ring_.header->head;
  uint64_t head = shared_head.load(std::memory_order_acquire);
  while (head != tail_ && tail_ - head <= ring_.layout.entries) {
    const uint32_t slot = ring_.entries[head & (ring_.layout.entries - 1)].load(std::memory_order_relaxed);
    if (slot < records_.size() && WaitsForAnyWorker(static_cast<int>(slot))) break;
    if (shared_head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel)) ++head;
  }
  head_seen_ = head;
}

int Front::Waiting() {
  SkipStaleEntries();
  if (tail_ - head_seen_ > ring_.layout.entries ||
      ring_.header->tail.load(std::memory_order_relaxed) != tail_) {
    RebuildQueue();  // head or tail is corrupt
    SkipStaleEntries();
  }
  const uint64_t entries = tail_ - head_seen_;
  if (entries == 0) stale_inside_ = false;
  if (!stale_inside_ || entries > ring_.layout.entries) return static_cast<int>(entries % INT_MAX);

  // A slot that was cancelled and submitted again has several entries, but counts once.
  ++waiting_counts_;
  int waiting = 0;
  for (uint64_t at = head_seen_; at != tail_; ++at) {
    const uint32_t slot = ring_.entries[at & (ring_.layout.entries - 1)].load(std::memory_order_relaxed);
    if (slot >= records_.size() || records_[slot].counted_in == waiting_counts_) continue;
    if (!WaitsForAnyWorker(static_cast<int>(slot))) continue;
    records_[slot].counted_in = waiting_counts_;
    ++waiting;
  }
  return waiting;
}

int Front::Drain(int64_t* out, int max) {
  const int found = TakeCompletions(out, max);
  if (found > 0) Count(out, found);
  return found;
}

int Front::TakeCompletions(int64_t* out, int max) {
  int found = 0;
  for (uint64_t word = 0; word < ring_.layout.bitmap_words; ++word) {
    std::atomic<uint64_t>& shared = ring_.bitmap[word];
    if (shared.load(std::memory_order_relaxed) == 0) continue;
    uint64_t bits = shared.exchange(0, std::memory_order_acq_rel);
    while (bits != 0) {
      if (found == max) {
        shared.fetch_or(bits, std::memory_order_acq_rel);
        return found;
      }
      const int slot = static_cast<int>(word * 64) + __builtin_ctzll(bits);
      bits &= bits - 1;
      if (TakeCompletion(slot, out + 4 * found)) ++found;
    }
  }
  return found;
}

// Takes one completion if the slot really is complete. An impossible completion becomes a bad output without
// bytes, because the request must be answered in any case.
bool Front::TakeCompletion(int slot, int64_t* out) {
  if (!WithWorkers(slot)) return false;
  SlotRecord& record = records_[slot];
  const State state = Read(slot);
  if (state.sequence != record.sequence) return false;
  if (state.phase == Phase::kRunning) return TakeParts(slot, out);
  if (state.phase != Phase::kDone) return false;

  const SlotControl& control = ring_.controls[slot];
  int outcome = control.outcome.load(std::memory_order_relaxed);
  uint64_t size = control.output_size.load(std::memory_order_relaxed);
  const bool in_parts = outcome == EAS_PARTS;
  if (in_parts) {
    BeginParts(slot);
    outcome = EAS_PARTS_ENDED;
    size -= record.parts_read;
  }
  const bool known = in_parts || (outcome >= EAS_RETURNED && outcome <= EAS_TOO_LARGE);
  const uint64_t limit =
      outcome == EAS_RETURNED ? ring_.layout.ring_size.max_output : ring_.layout.output_span;
  if (!known || size > limit) {
    outcome = EAS_BAD_OUTPUT;
    size = 0;
    record.output_unknown = true;
  }
  int status = control.status.load(std::memory_order_relaxed);
  const bool has_frames = outcome == EAS_RAISED && status > 0 && static_cast<uint64_t>(status) <= size;
  if (outcome != EAS_RETURNED && outcome != EAS_PARTS_ENDED && !has_frames) status = 0;
  if (state.worker < completed_.size()) ++completed_[state.worker];
  NoteBatch(slot);
  if (timed_) NoteTiming(slot, state.worker);
  record.holder = Holder::kFront;
  record.output_used = size;
  PunchInput(slot);  // it is no longer needed, and the output and its copy may need as much memory
  out[0] = slot;
  out[1] = outcome;
  out[2] = status;
  out[3] = static_cast<int64_t>(size);
  ++collected_;
  return true;
}

int Front::Collect(int64_t* out, int max, char* copies, size_t room) {
  int left = 0;
  while (left == 0) {
    const int found = Drain(out, max);
    if (found == 0) break;
    left = answerer_ == nullptr ? found : AnswerAll(out, found);
  }
  size_t used = 0;
  for (int i = 0; i < left; ++i) {
    int64_t* const completion = out + 4 * i;
    const size_t size = static_cast<size_t>(completion[3]);
    if (size > room - used || completion[1] >= EAS_PARTS) continue;
    const int slot = static_cast<int>(completion[0]);
    if (size > 0) std::memcpy(copies + used, ring_.Output(slot), size);
    used += size;
    completion[1] |= EAS_COPIED;
    Release(slot);
  }
  return left;
}

// Has the answerer answer what it can. Returns how many are left, at the beginning of `out`.
int Front::AnswerAll(int64_t* out, int found) {
  int left = 0;
  for (int i = 0; i < found; ++i) {
    const int64_t* const completion = out + 4 * i;
    const int slot = static_cast<int>(completion[0]);
    if (answerer_->Answer(slot, static_cast<int>(completion[1]), static_cast<int>(completion[2]),
                          static_cast<size_t>(completion[3]))) {
      ++direct_;
      Release(slot);
    } else {
      std::copy_n(completion, 4, out + 4 * left++);
    }
  }
  return left;
}

void Front::SetBusyPoll(uint64_t nanoseconds) {
  busy_poll_ = nanoseconds;
  ring_.header->busy_poll.store(nanoseconds, std::memory_order_relaxed);
}

bool Front::RequestNotification() {
  if (in_flight_ > 0 && completion_poll_.Poll(busy_poll_, [this] { return CountComplete(ring_) > 0; }))
    return false;
  const int share = notify_immediately_ ? 1 : Waiting() / kNotifyShare;
  const uint32_t wanted = static_cast<uint32_t>(std::clamp(share, 1, kMaxNotifyThreshold));
  // Sequentially consistent, here and in the worker's completion: either the worker sees the threshold, or
  // this sees the worker's bit. With a weaker order each could miss the other, and the front would sleep
  // although a request is complete.
  ring_.header->notify_threshold.store(wanted, std::memory_order_seq_cst);
  if (CountComplete(ring_) < wanted) return true;
  ring_.header->notify_threshold.store(0, std::memory_order_seq_cst);
  return false;
}

// Sequentially consistent: either a thread that completes a request sees this, and reports it at once, or the
// next RequestNotification sees the completion.
void Front::NotifyImmediately(bool immediately) {
  notify_immediately_ = immediately;
  ring_.header->notify_immediately.store(immediately ? 1 : 0, std::memory_order_seq_cst);
}

bool Front::Cancel(int slot) {
  if (!WithWorkers(slot)) return false;
  std::atomic<uint64_t>& word = ring_.controls[slot].state;
  uint64_t seen = word.load(std::memory_order_acquire);
  const State state = Unpack(seen);
  if (state.phase != Phase::kSubmitted || state.sequence != records_[slot].sequence) return false;
  const uint64_t free_word = Pack({Phase::kFree, 0, 0, state.sequence});
  // Either this succeeds, or a worker's claim.
  if (!word.compare_exchange_strong(seen, free_word, std::memory_order_acq_rel)) return false;
  Release(slot);
  return true;
}

void Front::Release(int slot) {
  if (!Exists(slot) || records_[slot].holder == Holder::kNobody) return;
  SlotRecord& record = records_[slot];
  if (record.holder == Holder::kWorkers) {
    stale_inside_ = true;  // its entry may still be in the queue
    const State state = Read(slot);
    if (state.phase != Phase::kFree) record.output_unknown = true;  // not from Cancel: a worker had it
    const State freed{Phase::kFree, 0, 0, ++record.sequence};
    ring_.controls[slot].state.store(Pack(freed), std::memory_order_release);
  }
  PunchOut(slot);
  if (record.in_flight) --in_flight_;
  if (record.streams) --streams_;
  record.streams = record.in_parts = false;
  record.in_flight = false;
  record.holder = Holder::kNobody;
  free_.push_back(slot);
}

// Gives the memory of a large body back.
void Front::PunchInput(int slot) {
  SlotRecord& record = records_[slot];
  if (record.input_used <= kKeepBytes) return;
  record.input_used = 0;
  Punch(ring_.layout.InputAt(slot), ring_.layout.input_span);
}

void Front::PunchOut(int slot) {
  const SlotRecord& record = records_[slot];
  PunchInput(slot);
  if (record.output_unknown || record.output_used > kKeepBytes) {
    Punch(ring_.layout.OutputAt(slot), ring_.layout.output_span);
  }
}

// A failure is harmless: the pages stay.
void Front::Punch(uint64_t at, uint64_t size) {
  fallocate(ring_.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
            static_cast<off_t>(size));
}

// Both spans of a slot are contiguous, so one call empties both.
void Front::Trim() {
  for (const int slot : free_) {
    if (records_[slot].empty) continue;
    records_[slot].empty = true;
    Punch(ring_.layout.InputAt(slot), ring_.layout.input_span + ring_.layout.output_span);
  }
}

}  // namespace eas
