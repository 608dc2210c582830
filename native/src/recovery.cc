// What the front does after a worker's death: it finds who had which request, queues requests again, and
// rebuilds the queue.
//
// The states of the slots are decisive. A worker can have died between any two of its steps. So slots may be
//   SUBMITTED  without an entry in the queue, if a processor has overwritten the head or the entry
//   RUNNING    by a dead worker: the usual case; the front decides whether each runs again, alone, or not
//   DONE       without a completion bit, or with the bit but without a write to the eventfd
// Entries, bits and wake-ups that are obsolete may be left, too; they do no harm.
#include <algorithm>
#include <climits>

#include "frames.h"
#include "front.h"
#include "parts.h"

namespace eas {

// Empties the queue and fills it again from the slots that wait, in the order of arrival. Consumers may claim
// slots meanwhile, whose entries become stale. Consumers that found the queue empty are woken.
void Front::RebuildQueue() {
  scratch_.clear();
  for (int slot = 0; slot < static_cast<int>(records_.size()); ++slot) {
    if (WaitsForAnyWorker(slot)) scratch_.push_back(slot);
  }
  std::sort(scratch_.begin(), scratch_.end(),
            [this](int left, int right) { return records_[left].arrival < records_[right].arrival; });
  // Consumers advance the head by compare-and-swap, so those that have read the old one fail now.
  ring_.header->head.store(tail_, std::memory_order_release);
  const uint64_t mask = ring_.layout.entries - 1;
  for (const int slot : scratch_) {
    ring_.entries[tail_++ & mask].store(static_cast<uint32_t>(slot), std::memory_order_relaxed);
  }
  ring_.header->tail.store(tail_, std::memory_order_release);
  head_seen_ = tail_ - scratch_.size();
  stale_inside_ = false;
  if (!scratch_.empty()) Wake(static_cast<int>(scratch_.size()));
}

// Sets the completion bit, in case the worker died before it did. Setting it twice does no harm.
void Front::MarkDone(int slot) {
  ring_.bitmap[slot / 64].fetch_or(1ULL << (slot % 64), std::memory_order_seq_cst);
}

void Front::Resubmit(int slot) {
  if (SlotPhase(slot, nullptr, nullptr) == EAS_DONE || !WithWorkers(slot)) return;
  records_[slot].output_unknown = true;
  MakeClaimable(slot, kAnyWorker);
  RebuildQueue();  // its place is not the tail: it has waited longer than the requests in the queue
}

bool Front::RequeueSolo(int slot, int worker) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return false;
  if (SlotPhase(slot, nullptr, nullptr) == EAS_DONE || !WithWorkers(slot)) return false;
  records_[slot].output_unknown = true;
  stale_inside_ = true;  // other workers skip its entry, because the state names the worker that may take it
  MakeClaimable(slot, static_cast<uint32_t>(worker));
  // Release: whoever sees the mode sees the state.
  ring_.workers[worker].mode.store(kModeSoloSlot | static_cast<uint64_t>(slot), std::memory_order_release);
  WakeSleepers(ring_, INT_MAX, kSoloSleepers | kQueueSleepers);
  return true;
}

int Front::SlotPhase(int slot, uint32_t* worker, uint32_t* thread) {
  if (!WithWorkers(slot)) return EAS_FREE;
  const State state = Read(slot);
  const eas_ring_size& ring_size = ring_.layout.ring_size;
  if (state.sequence != records_[slot].sequence) return EAS_CORRUPT;
  if (worker != nullptr) *worker = state.worker;
  if (thread != nullptr) *thread = state.thread == EAS_DETACHED ? EAS_NO_THREAD : state.thread;
  switch (state.phase) {
    case Phase::kSubmitted:
      return state.worker == kAnyWorker || state.worker < ring_size.workers ? EAS_SUBMITTED : EAS_CORRUPT;
    case Phase::kRunning:
      return state.worker < ring_size.workers &&
                     (state.thread < ring_size.threads || state.thread == EAS_DETACHED)
                 ? EAS_RUNNING
                 : EAS_CORRUPT;
    case Phase::kDone:
      MarkDone(slot);
      return EAS_DONE;
    default:
      return EAS_CORRUPT;
  }
}

void Front::ResetWorker(int worker, bool solo) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return;
  WorkerRecord& record = ring_.workers[worker];
  record.crash_kind.store(EAS_CRASH_NONE, std::memory_order_relaxed);
  record.crash_frames.store(0, std::memory_order_relaxed);
  record.spinning.store(0, std::memory_order_relaxed);
  record.batch_size.store(0, std::memory_order_relaxed);
  record.max_in_flight.store(0, std::memory_order_relaxed);
  WriteBatching();  // the processor of the last process may have overwritten it
  record.mode.store(solo ? kModeSoloIdle : kModeQueue, std::memory_order_release);
  for (int slot = 0; slot < static_cast<int>(records_.size()); ++slot) {
    if (WithWorkers(slot)) SlotPhase(slot, nullptr, nullptr);
  }
  RebuildQueue();
}

void Front::LeaveSolo(int worker) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return;
  ring_.workers[worker].mode.store(kModeQueue, std::memory_order_release);
  WakeSleepers(ring_, INT_MAX, kSoloSleepers | kQueueSleepers);
}

bool Front::Crash(int worker, eas_crash* out) {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return false;
  const WorkerRecord& record = ring_.workers[worker];
  const int kind = record.crash_kind.load(std::memory_order_acquire);
  if (kind < EAS_CRASH_SIGNAL || kind > EAS_CRASH_SANITIZER) return false;
  *out = record.crash;
  out->kind = kind;
  out->frame_count = std::min<uint32_t>(record.crash_frames.load(std::memory_order_acquire), EAS_FRAMES);
  for (auto& frame : out->frame) frame[sizeof(frame) - 1] = '\0';
  out->exception[sizeof(out->exception) - 1] = '\0';
  out->message[sizeof(out->message) - 1] = '\0';
  const std::string type = out->exception[0] != '\0' ? Demangle(out->exception) : "";
  out->exception[type.copy(out->exception, sizeof(out->exception) - 1)] = '\0';
  if (!WasRunning(out->slot, worker, *out)) out->slot = -1;
  return true;
}

// Whether the thread that died was running the request in `slot`, which its crash record names.
bool Front::WasRunning(int slot, int worker, const eas_crash& crash) const {
  if (!WithWorkers(slot)) return false;
  const State state = Read(slot);
  return state.phase == Phase::kRunning && state.worker == static_cast<uint32_t>(worker) &&
         state.thread == crash.thread && state.sequence == crash.sequence &&
         state.sequence == records_[slot].sequence;
}

}  // namespace eas
