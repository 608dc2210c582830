#include "front.h"

#include <fcntl.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace eas {
namespace {

// A slot keeps up to this much memory for its next request; more is given back. Measured: to fault 1 MiB in
// again costs 0.2 ms, which is much for a request of that size and little for a larger one's copying.
constexpr uint64_t kKeepBytes = 1 << 20;

// Completions that may gather before the front is told: to wake it costs some 50 us where a processor keeps
// the cores' caches to itself, and with 8 its share is small.
constexpr int kMostAwaited = 8;

// One in 4 of the requests that wait: then a completion is told of after a quarter of the time that its
// request has waited, and the threads have the others to go on with until the front has seen to it.
constexpr int kAwaitedShare = 4;

}  // namespace

Front::Front(Ring& ring)
    : ring_(ring), books_(ring.layout.shape.slots), completed_(ring.layout.shape.workers) {
  scratch_.reserve(books_.size());
  free_.reserve(books_.size());
  for (int slot = static_cast<int>(books_.size()) - 1; slot >= 0; --slot) free_.push_back(slot);
}

int Front::Submit(const char* body, size_t size) {
  if (size > ring_.layout.shape.max_body) return -1;
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
  Book& book = books_[slot];
  book.holder = Holder::kFront;
  book.output_unknown = false;
  book.empty = false;
  book.input_used = 0;
  book.output_used = 0;
  return slot;
}

bool Front::Write(int slot, size_t offset, const char* data, size_t size) {
  const uint64_t limit = ring_.layout.shape.max_body;
  if (!Exists(slot) || books_[slot].holder != Holder::kFront) return false;
  if (offset > limit || size > limit - offset) return false;
  if (size > 0) std::memcpy(ring_.Input(slot) + offset, data, size);
  Book& book = books_[slot];
  if (offset + size > book.input_used) book.input_used = offset + size;
  return true;
}

void Front::Publish(int slot, size_t size) {
  if (!Exists(slot) || books_[slot].holder != Holder::kFront || size > ring_.layout.shape.max_body) return;
  ring_.Input(slot)[size] = '\0';  // for processors that read text; the span has a page to spare
  ring_.controls[slot].input_size.store(size, std::memory_order_relaxed);
  books_[slot].ticket = tickets_++;
  if (turn_ == kNever) turn_ = Now();
  books_[slot].begun = turn_;
  stats_.Submitted(size);
  GiveAway(slot, kAnyone);
  Push(slot);
}

// Makes the slot claimable, under a new sequence.
void Front::GiveAway(int slot, uint32_t worker) {
  Book& book = books_[slot];
  book.holder = Holder::kWorkers;
  const State state{Phase::kSubmitted, worker, 0, ++book.sequence};
  // Release: whoever claims the slot (acquire) sees its body and its size.
  ring_.controls[slot].state.store(Pack(state), std::memory_order_release);
}

void Front::Push(int slot) {
  if (tail_ - head_seen_ >= ring_.layout.entries) {
    head_seen_ = ring_.header->head.load(std::memory_order_acquire);
    // Full of stale entries (it is four times as long as there are slots), or the head was damaged. The slot
    // is SUBMITTED already, so the rebuilt queue has it.
    if (tail_ - head_seen_ >= ring_.layout.entries) return RebuildQueue();
  }
  ring_.entries[tail_ & (ring_.layout.entries - 1)].store(slot, std::memory_order_relaxed);
  // Release: who sees the new tail sees the entry.
  ring_.header->tail.store(++tail_, std::memory_order_release);
}

void Front::Bell(int threads) {
  if (threads > 0) RingBell(ring_, threads, kQueueSleepers);
}

void Front::Nudge() {
  turn_ = kNever;
  if (ring_.header->head.load(std::memory_order_relaxed) == tail_) return;
  // Sequentially consistent, here and where a thread stops looking (worker.cc): either this sees that nobody
  // looks any more, or that thread, which looks once more afterwards, sees the tail. The store is for the
  // order alone, once per nudge rather than once per submission.
  ring_.header->tail.store(tail_, std::memory_order_seq_cst);
  const eas_shape& shape = ring_.layout.shape;
  for (uint32_t worker = 0; worker < shape.workers; ++worker) {
    const uint32_t looking = ring_.workers[worker].looking.load(std::memory_order_seq_cst);
    if (looking > 0 && looking <= shape.threads) return;
  }
  Bell(1);
}

State Front::Read(int slot) const {
  // Acquire: with DONE comes the output.
  return Unpack(ring_.controls[slot].state.load(std::memory_order_acquire));
}

bool Front::WaitsForAnyone(int slot) const {
  if (!WithWorkers(slot)) return false;
  const State state = Read(slot);
  return state.phase == Phase::kSubmitted && state.worker == kAnyone &&
         state.sequence == books_[slot].sequence;
}

// Advances the head over entries that nobody will run: cancelled, or claimed by somebody that was killed
// before it could advance. The same step that consumers take, so it may race with them.
void Front::SkipStale() {
  std::atomic<uint64_t>& shared_head = ring_.header->head;
  uint64_t head = shared_head.load(std::memory_order_acquire);
  while (head != tail_ && tail_ - head <= ring_.layout.entries) {
    const uint32_t slot = ring_.entries[head & (ring_.layout.entries - 1)].load(std::memory_order_relaxed);
    if (slot < books_.size() && WaitsForAnyone(static_cast<int>(slot))) break;
    if (shared_head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel)) ++head;
  }
  head_seen_ = head;
}

int Front::Waiting() {
  SkipStale();
  if (tail_ - head_seen_ > ring_.layout.entries ||
      ring_.header->tail.load(std::memory_order_relaxed) != tail_) {
    RebuildQueue();  // head or tail was damaged
    SkipStale();
  }
  const uint64_t entries = tail_ - head_seen_;
  if (entries == 0) stale_inside_ = false;
  if (!stale_inside_ || entries > ring_.layout.entries) return static_cast<int>(entries % INT_MAX);

  // A slot that was cancelled and given away again has several entries, and waits once.
  ++counts_;
  int waiting = 0;
  for (uint64_t at = head_seen_; at != tail_; ++at) {
    const uint32_t slot = ring_.entries[at & (ring_.layout.entries - 1)].load(std::memory_order_relaxed);
    if (slot >= books_.size() || books_[slot].counted == counts_) continue;
    if (!WaitsForAnyone(static_cast<int>(slot))) continue;
    books_[slot].counted = counts_;
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

// Takes one completion if the slot really is complete. A completion that makes no sense is reported as a bad
// output without bytes: the request must be answered all the same.
bool Front::TakeCompletion(int slot, int64_t* out) {
  if (!WithWorkers(slot)) return false;
  Book& book = books_[slot];
  const State state = Read(slot);
  if (state.phase != Phase::kDone || state.sequence != book.sequence) return false;

  const Control& control = ring_.controls[slot];
  int outcome = control.outcome.load(std::memory_order_relaxed);
  uint64_t size = control.output_size.load(std::memory_order_relaxed);
  const bool known = outcome >= EAS_RETURNED && outcome <= EAS_TOO_LARGE;
  const uint64_t limit = outcome == EAS_RETURNED ? ring_.layout.shape.max_output : ring_.layout.output_span;
  if (!known || size > limit) {
    outcome = EAS_BAD_OUTPUT;
    size = 0;
    book.output_unknown = true;
  }
  if (state.worker < completed_.size()) ++completed_[state.worker];
  book.holder = Holder::kFront;
  book.output_used = size;
  PunchInput(slot);  // nobody needs it any more, and the output, and its copy, take as much again
  out[0] = slot;
  out[1] = outcome;
  out[2] = control.status.load(std::memory_order_relaxed);
  out[3] = static_cast<int64_t>(size);
  return true;
}

int Front::Collect(int64_t* out, int max, char* copies, size_t room) {
  const int found = Drain(out, max);
  size_t used = 0;
  for (int i = 0; i < found; ++i) {
    int64_t* const completion = out + 4 * i;
    const size_t size = static_cast<size_t>(completion[3]);
    if (size > room - used) continue;
    const int slot = static_cast<int>(completion[0]);
    if (size > 0) std::memcpy(copies + used, ring_.Output(slot), size);
    used += size;
    completion[1] |= EAS_COPIED;
    Release(slot);
  }
  return found;
}

bool Front::Arm() {
  const int share = resting_ ? 1 : Waiting() / kAwaitedShare;
  const uint32_t wanted = static_cast<uint32_t>(std::clamp(share, 1, kMostAwaited));
  // Sequentially consistent, here and in the worker's completion: either the worker sees the arming, or this
  // sees the worker's bit. With less, both could miss each other and the front would sleep on a completed
  // request.
  ring_.header->armed.store(wanted, std::memory_order_seq_cst);
  if (CountComplete(ring_) < wanted) return true;
  ring_.header->armed.store(0, std::memory_order_seq_cst);
  return false;
}

// Sequentially consistent: either a thread that completes sees it, and does not keep that to itself, or the
// next Arm sees the completion.
void Front::Rest(bool resting) {
  resting_ = resting;
  ring_.header->resting.store(resting ? 1 : 0, std::memory_order_seq_cst);
}

bool Front::Cancel(int slot) {
  if (!WithWorkers(slot)) return false;
  std::atomic<uint64_t>& word = ring_.controls[slot].state;
  uint64_t seen = word.load(std::memory_order_acquire);
  const State state = Unpack(seen);
  if (state.phase != Phase::kSubmitted || state.sequence != books_[slot].sequence) return false;
  const uint64_t free_word = Pack({Phase::kFree, 0, 0, state.sequence});
  // Either this succeeds or a worker's claim does.
  if (!word.compare_exchange_strong(seen, free_word, std::memory_order_acq_rel)) return false;
  Release(slot);
  return true;
}

void Front::Release(int slot) {
  if (!Exists(slot) || books_[slot].holder == Holder::kNobody) return;
  Book& book = books_[slot];
  if (book.holder == Holder::kWorkers) {
    stale_inside_ = true;  // its entry may still be in the queue
    const State state = Read(slot);
    if (state.phase != Phase::kFree) book.output_unknown = true;  // not from Cancel: somebody had it
    const State freed{Phase::kFree, 0, 0, ++book.sequence};
    ring_.controls[slot].state.store(Pack(freed), std::memory_order_release);
  }
  PunchOut(slot);
  book.holder = Holder::kNobody;
  free_.push_back(slot);
}

// Gives the memory of a large body back.
void Front::PunchInput(int slot) {
  Book& book = books_[slot];
  if (book.input_used <= kKeepBytes) return;
  book.input_used = 0;
  Punch(ring_.layout.InputAt(slot), ring_.layout.input_span);
}

void Front::PunchOut(int slot) {
  const Book& book = books_[slot];
  PunchInput(slot);
  if (book.output_unknown || book.output_used > kKeepBytes) {
    Punch(ring_.layout.OutputAt(slot), ring_.layout.output_span);
  }
}

// A failure is harmless: the pages stay where they are.
void Front::Punch(uint64_t at, uint64_t size) {
  fallocate(ring_.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
            static_cast<off_t>(size));
}

// The spans of a slot lie one behind the other, so one call empties both.
void Front::Trim() {
  for (const int slot : free_) {
    if (books_[slot].empty) continue;
    books_[slot].empty = true;
    Punch(ring_.layout.InputAt(slot), ring_.layout.input_span + ring_.layout.output_span);
  }
}

}  // namespace eas
