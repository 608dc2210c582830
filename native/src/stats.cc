#include "stats.h"

#include <algorithm>
#include <iterator>

#include "front.h"
#include "parts.h"

// The usual bounds of Prometheus' clients, with 0.5, 1 and 2.5 ms added, because a processor can be quick.
const uint64_t eas_latency_bounds[] = {
    500'000,     1'000'000,   2'500'000,   5'000'000,     10'000'000,    25'000'000,    50'000'000,
    100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

namespace eas {

static_assert(std::size(eas_latency_bounds) + 1 == std::size(eas_stats{}.latency),
              "one bucket is above the last bound");

void Stats::Completed(int outcome, int status, uint64_t bytes, uint64_t nanoseconds) {
  // The search begins at the shortest time: most requests are in the first few buckets.
  const uint64_t* const bound = std::find_if(std::begin(eas_latency_bounds), std::end(eas_latency_bounds),
                                             [nanoseconds](uint64_t limit) { return nanoseconds <= limit; });
  ++stats_.latency[bound - std::begin(eas_latency_bounds)];
  stats_.latency_nanoseconds += nanoseconds;
  stats_.bytes_out += bytes;
  if (outcome == EAS_RAISED) {
    stats_.bytes_out -= static_cast<uint64_t>(status);  // the frames, which few clients see
    ++stats_.raised;
  } else if (outcome != EAS_RETURNED && outcome != EAS_PARTS_ENDED) {
    ++stats_.bad;
  } else if (status >= 0 && static_cast<size_t>(status) < std::size(stats_.returned)) {
    ++stats_.returned[status];
  } else {
    ++stats_.returned_other;
  }
}

void Stats::BatchFormed(uint32_t size) {
  size_t bucket = 0;
  while (bucket + 1 < std::size(stats_.batches) && size > 1U << bucket) ++bucket;
  ++stats_.batches[bucket];
}

void Front::StartEarlier(int slot, int64_t nanoseconds) {
  if (!WithWorkers(slot) || nanoseconds <= 0) return;
  uint64_t& start_time = records_[slot].start_time;
  const auto earlier = static_cast<uint64_t>(nanoseconds);
  if (start_time != kNever) start_time = start_time > earlier ? start_time - earlier : 1;
}

void Front::ExcludeFromStats(int slot) {
  if (WithWorkers(slot)) records_[slot].start_time = kNever;
}

eas_stats Front::Statistics() const {
  eas_stats all = stats_.all();
  all.wake_ups = ring_.header->wake_ups.load(std::memory_order_relaxed);
  all.direct = direct_;
  all.notifications = ring_.header->notifications.load(std::memory_order_relaxed);
  return all;
}

uint64_t Front::Completed(int worker) const {
  return worker >= 0 && static_cast<size_t>(worker) < completed_.size() ? completed_[worker] : 0;
}

// Counts `completions`, of four numbers each as in Drain. REQUIRES: their slots are not released yet.
void Front::Count(const int64_t* out, int completions) {
  const uint64_t now = Now();
  batch_start_ = kNever;
  for (const int64_t* at = out; at != out + 4 * completions; at += 4) {
    const uint64_t start_time = records_[at[0]].start_time;
    if (start_time == kNever || at[1] == EAS_PARTS) continue;
    const uint64_t size = records_[at[0]].parts_read + static_cast<uint64_t>(at[3]);
    stats_.Completed(static_cast<int>(at[1]), static_cast<int>(at[2]), size,
                     now > start_time ? now - start_time : 0);
  }
}

}  // namespace eas

void eas_front_start_earlier(eas_ring* ring, int slot, int64_t nanoseconds) {
  ring->front->StartEarlier(slot, nanoseconds);
}

void eas_front_exclude_from_stats(eas_ring* ring, int slot) { ring->front->ExcludeFromStats(slot); }

void eas_front_stats(eas_ring* ring, eas_stats* out) { *out = ring->front->Statistics(); }

uint64_t eas_front_completed(eas_ring* ring, int worker) { return ring->front->Completed(worker); }
