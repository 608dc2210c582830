#include "timing.h"

#include "front.h"

namespace eas {

void Front::TimeRequests() {
  timed_ = true;
  ring_.header->timed.store(1, std::memory_order_relaxed);
}

// The times in the shared memory may be anything, so what makes no sense is 0.
void Front::NoteTiming(int slot, uint32_t worker) {
  const SlotControl& control = ring_.controls[slot];
  SlotRecord& record = records_[slot];
  const uint64_t taken = control.taken.load(std::memory_order_relaxed);
  const uint64_t completed = control.completed.load(std::memory_order_relaxed);
  const uint64_t start_time = record.start_time;
  record.timing.worker = worker;
  record.timing.queue_nanoseconds = start_time != kNever && taken > start_time ? taken - start_time : 0;
  record.timing.call_nanoseconds = completed > taken ? completed - taken : 0;
  record.timing.batch = control.batch.load(std::memory_order_relaxed) & ~kBatchLeader;
}

eas_timing Front::Timing(int slot) const { return Exists(slot) ? records_[slot].timing : eas_timing{}; }

}  // namespace eas

void eas_front_time_requests(eas_ring* ring) { ring->front->TimeRequests(); }

void eas_front_timing(eas_ring* ring, int slot, eas_timing* out) { *out = ring->front->Timing(slot); }
