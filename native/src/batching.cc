#include "batching.h"

#include <iterator>

#include "front.h"

namespace eas {

void Front::SetBatching(const eas_batching& batching) {
  batching_ = batching;
  WriteBatching();
}

void Front::WriteBatching() {
  const uint64_t words[] = {batching_.mode, batching_.max_size, batching_.max_bytes,
                            batching_.timeout_nanoseconds};
  for (size_t i = 0; i < std::size(words); ++i)
    ring_.header->batching[i].store(words[i], std::memory_order_relaxed);
}

// The word in the shared memory may be anything: no batch is larger than the front has asked for.
uint32_t Front::BatchSize(int worker) const {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return 1;
  const uint32_t size = ring_.workers[worker].batch_size.load(std::memory_order_relaxed);
  return size <= batching_.max_size && size > 0 ? size : 1;
}

// The words in the shared memory may be anything, so what makes no sense counts as less.
void Front::NoteBatch(int slot) {
  const SlotControl& control = ring_.controls[slot];
  const uint32_t batch = control.batch.load(std::memory_order_relaxed);
  if (batch == 0) return;
  const uint64_t taken = control.taken.load(std::memory_order_relaxed);
  const uint64_t start_time = records_[slot].start_time;
  const bool known = start_time != kNever && taken > start_time && taken <= Now();
  stats_.Batched(known ? taken - start_time : 0);
  if ((batch & kBatchLeader) != 0) stats_.BatchFormed(batch & ~kBatchLeader);
}

}  // namespace eas

void eas_front_set_batching(eas_ring* ring, uint64_t mode, uint64_t max_size, uint64_t max_bytes,
                            uint64_t timeout_nanoseconds) {
  ring->front->SetBatching({mode, max_size, max_bytes, timeout_nanoseconds});
}

uint32_t eas_front_batch_size(eas_ring* ring, int worker) { return ring->front->BatchSize(worker); }

void eas_front_set_max_waiting(eas_ring* ring, int requests, int at_least) {
  ring->front->SetMaxWaiting(requests, at_least);
}

int eas_front_has_room(eas_ring* ring, int capacity) { return ring->front->HasRoom(capacity) ? 1 : 0; }
