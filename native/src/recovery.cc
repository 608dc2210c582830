// The part of the front that is needed after a death: who had what, what runs again, and a queue made whole.
//
// The states are the truth. A worker can have died between any two of its steps, which leaves slots that are
//   SUBMITTED  without an entry in the queue: only a wild worker moves the head past an entry that is needed
//   RUNNING    by somebody dead: the usual case; the front decides whether they run again, alone, or not at
//   all
//   DONE       without a completion bit, or with it and without the eventfd written
// and entries, bits and wake-ups that mean nothing any more, which do no harm.
#include <algorithm>
#include <climits>

#include "front.h"

namespace eas {

// Empties the queue and fills it again, in the order of arrival, from the slots that wait. Consumers may
// claim meanwhile; what they claim becomes a stale entry. One that looked while it was empty is wakened.
void Front::RebuildQueue() {
  scratch_.clear();
  for (int slot = 0; slot < static_cast<int>(books_.size()); ++slot) {
    if (WaitsForAnyone(slot)) scratch_.push_back(slot);
  }
  std::sort(scratch_.begin(), scratch_.end(),
            [this](int left, int right) { return books_[left].ticket < books_[right].ticket; });
  // Consumers move the head by compare-and-swap from what they saw; those that saw the old one fail now.
  ring_.header->head.store(tail_, std::memory_order_release);
  const uint64_t mask = ring_.layout.entries - 1;
  for (const int slot : scratch_) {
    ring_.entries[tail_++ & mask].store(static_cast<uint32_t>(slot), std::memory_order_relaxed);
  }
  ring_.header->tail.store(tail_, std::memory_order_release);
  head_seen_ = tail_ - scratch_.size();
  stale_inside_ = false;
  if (!scratch_.empty()) Bell(static_cast<int>(scratch_.size()));
}

// Sets the completion bit that a worker may have died before setting. Twice does no harm.
void Front::MarkDone(int slot) {
  ring_.bitmap[slot / 64].fetch_or(1ULL << (slot % 64), std::memory_order_seq_cst);
}

void Front::Resubmit(int slot) {
  if (SlotPhase(slot, nullptr, nullptr) == EAS_DONE || !WithWorkers(slot)) return;
  books_[slot].output_unknown = true;
  GiveAway(slot, kAnyone);
  RebuildQueue();  // not at the tail: it has waited longer than those in the queue
}

bool Front::RequeueSolo(int slot, int worker) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.shape.workers) return false;
  if (SlotPhase(slot, nullptr, nullptr) == EAS_DONE || !WithWorkers(slot)) return false;
  books_[slot].output_unknown = true;
  stale_inside_ = true;  // it may have an entry, which others skip: the state says whom it is kept for
  GiveAway(slot, static_cast<uint32_t>(worker));
  // Release: who reads the mode sees the state.
  ring_.workers[worker].mode.store(kModeSoloSlot | static_cast<uint64_t>(slot), std::memory_order_release);
  RingBell(ring_, INT_MAX, kSoloSleepers | kQueueSleepers);
  return true;
}

int Front::SlotPhase(int slot, uint32_t* worker, uint32_t* thread) {
  if (!WithWorkers(slot)) return EAS_FREE;
  const State state = Read(slot);
  const eas_shape& shape = ring_.layout.shape;
  if (state.sequence != books_[slot].sequence) return EAS_DAMAGED;
  if (worker != nullptr) *worker = state.worker;
  if (thread != nullptr) *thread = state.thread;
  switch (state.phase) {
    case Phase::kSubmitted:
      return state.worker == kAnyone || state.worker < shape.workers ? EAS_SUBMITTED : EAS_DAMAGED;
    case Phase::kRunning:
      return state.worker < shape.workers && state.thread < shape.threads ? EAS_RUNNING : EAS_DAMAGED;
    case Phase::kDone:
      MarkDone(slot);
      return EAS_DONE;
    default:
      return EAS_DAMAGED;
  }
}

void Front::WorkerReset(int worker, bool solo) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.shape.workers) return;
  WorkerRecord& record = ring_.workers[worker];
  record.crash_kind.store(EAS_CRASH_NONE, std::memory_order_relaxed);
  record.crash_frames.store(0, std::memory_order_relaxed);
  record.looking.store(0, std::memory_order_relaxed);
  record.mode.store(solo ? kModeSoloIdle : kModeQueue, std::memory_order_release);
  for (int slot = 0; slot < static_cast<int>(books_.size()); ++slot) {
    if (WithWorkers(slot)) SlotPhase(slot, nullptr, nullptr);
  }
  RebuildQueue();
}

void Front::WorkerNormal(int worker) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.shape.workers) return;
  ring_.workers[worker].mode.store(kModeQueue, std::memory_order_release);
  RingBell(ring_, INT_MAX, kSoloSleepers | kQueueSleepers);
}

bool Front::Crash(int worker, eas_crash* out) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.shape.workers) return false;
  const WorkerRecord& record = ring_.workers[worker];
  const int kind = record.crash_kind.load(std::memory_order_acquire);
  if (kind != EAS_CRASH_SIGNAL && kind != EAS_CRASH_EXIT) return false;
  *out = record.crash;
  out->kind = kind;
  out->frame_count = std::min<uint32_t>(record.crash_frames.load(std::memory_order_acquire), EAS_FRAMES);
  for (auto& frame : out->frame) frame[sizeof(frame) - 1] = '\0';
  if (!RanThen(out->slot, worker, *out)) out->slot = -1;
  return true;
}

// Whether the slot that a crash record names is still being run by the thread that died, in the same life.
bool Front::RanThen(int slot, int worker, const eas_crash& crash) const {
  if (!WithWorkers(slot)) return false;
  const State state = Read(slot);
  return state.phase == Phase::kRunning && state.worker == static_cast<uint32_t>(worker) &&
         state.thread == crash.thread && state.sequence == crash.sequence &&
         state.sequence == books_[slot].sequence;
}

}  // namespace eas
