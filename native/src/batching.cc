#include "batching.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "batch_rule.h"
#include "front.h"
#include "parts.h"
#include "worker.h"

struct eas_batches {
  eas_ring* ring;
  uint32_t worker;
  eas::BatchRule rule;
};

namespace eas {

eas_batching ReadBatching(const Ring& ring) {
  const std::atomic<uint64_t>* const words = ring.header->batching;
  return {words[0].load(std::memory_order_relaxed), words[1].load(std::memory_order_relaxed),
          words[2].load(std::memory_order_relaxed), words[3].load(std::memory_order_relaxed)};
}

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

uint32_t eas_worker_max_batch(eas_ring* ring) {
  const eas_batching batching = eas::ReadBatching(*ring);
  if (batching.mode == EAS_BATCHING_OFF) return 0;
  return static_cast<uint32_t>(std::clamp<uint64_t>(batching.max_size, 1, eas::kMaxBatch));
}

eas_batches* eas_worker_open_batches(eas_ring* ring, uint32_t worker, uint32_t size) {
  if (worker >= ring->layout.ring_size.workers) return nullptr;
  eas_batching batching = eas::ReadBatching(*ring);
  batching.max_size = size;
  ring->batches.reset(new eas_batches{ring, worker, eas::BatchRule(batching)});
  ring->workers[worker].batch_size.store(size, std::memory_order_relaxed);
  return ring->batches.get();
}

int eas_worker_take_batch(eas_batch* batch) {
  eas_ring* const ring = batch->batches->ring;
  eas_worker_end_batch(batch, 0);
  eas_worker_report_batch(batch);
  eas::TakeAtOnce();
  batch->count = 0;
  if (batch->thread >= ring->layout.ring_size.threads) return EAS_STOPPED;
  std::vector<eas_call> calls;
  bool alone = false;
  eas::BatchRule& rule = batch->batches->rule;
  const int taken = eas::TakeBatch(*ring, batch->batches->worker, batch->thread, rule, &calls, &alone);
  if (taken == EAS_STOPPED) return taken;
  batch->count = static_cast<uint32_t>(calls.size());
  batch->alone = alone ? 1 : 0;
  std::copy(calls.begin(), calls.end(), batch->calls);
  if (alone || taken == EAS_RESUMED) return taken;
  std::vector<uint64_t> submitted;
  for (const eas_call& call : calls)
    submitted.push_back(ring->controls[call.slot].submitted.load(std::memory_order_relaxed));
  batch->begun = eas::Now();
  batch->level = static_cast<uint32_t>(rule.Started(submitted, batch->begun));
  return EAS_TAKEN;
}

void eas_worker_end_batch(eas_batch* batch, int answered) {
  if (batch->level == 0) return;
  const bool done = answered != 0;
  batch->batches->rule.Ended(batch->level, done ? batch->count : 0, eas::Now() - batch->begun);
  batch->level = 0;
  if (done) eas::BeginReports();
}

void eas_worker_report_batch(eas_batch* batch) { eas::EndReports(*batch->batches->ring); }

uint32_t eas_worker_take_more(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* calls,
                              uint32_t count) {
  const eas_ring_size& ring_size = ring->layout.ring_size;
  if (worker >= ring_size.workers || thread >= ring_size.threads) return 0;
  return eas::TakeMore(*ring, worker, thread, calls, count);
}

void eas_worker_begin_reports() { eas::BeginReports(); }

void eas_worker_end_reports(eas_ring* ring) { eas::EndReports(*ring); }
