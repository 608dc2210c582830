// The front's side of answers in parts (parts.h).
#include <algorithm>
#include <climits>

#include "front.h"
#include "part_buffer.h"

namespace eas {
// Reports what there is to read of the answer in `slot`, whose request goes on. False: nothing new.
bool Front::TakeParts(int slot, int64_t* out) {
  SlotRecord& record = records_[slot];
  const SlotControl& control = ring_.controls[slot];
  // Acquire: the buffer is valid once the outcome is that.
  if (control.outcome.load(std::memory_order_acquire) != EAS_PARTS) return false;
  const PartBuffer buffer(ring_, static_cast<uint32_t>(slot));
  const uint64_t unread = buffer.Written() - record.parts_read;
  if (unread > buffer.capacity() || (unread == 0 && record.in_parts)) return false;
  BeginParts(slot);
  out[0] = slot;
  out[1] = EAS_PARTS;
  out[2] = control.status.load(std::memory_order_relaxed);
  out[3] = static_cast<int64_t>(unread);
  return true;
}

void Front::BeginParts(int slot) {
  SlotRecord& record = records_[slot];
  if (record.in_parts) return;
  record.in_parts = true;
  record.streams = streams_ < max_streams_;
  if (record.streams) ++streams_;
}

size_t Front::ReadParts(int slot, char* out, size_t room) {
  if (!Exists(slot) || !records_[slot].in_parts) return 0;
  SlotRecord& record = records_[slot];
  PartBuffer buffer(ring_, static_cast<uint32_t>(slot));
  const uint64_t unread = buffer.Written() - record.parts_read;
  if (unread == 0 || unread > buffer.capacity()) return 0;
  const uint64_t size = std::min<uint64_t>(unread, room);
  buffer.Copy(record.parts_read, out, size);
  // If the processor has failed, an explanation overwrites the parts (StageOutput). Release, in what changes
  // nothing: the bytes were read before. A fence would do, but the thread sanitizer knows none.
  if (ring_.controls[slot].outcome.fetch_add(0, std::memory_order_acq_rel) != EAS_PARTS) return 0;
  record.parts_read += size;
  buffer.SetRead(record.parts_read);
  TellWaiter(slot);
  return static_cast<size_t>(size);
}

// Tells whoever waits for room in `slot`, if somebody does. A call that is parked goes on when there is room
// for a good part of the buffer: until then it stays what waits, for the next read.
void Front::TellWaiter(int slot) {
  if (!WithWorkers(slot)) return;
  const State state = Read(slot);
  if (state.phase != Phase::kRunning || state.worker >= ring_.layout.ring_size.workers) return;
  PartBuffer buffer(ring_, static_cast<uint32_t>(slot));
  const bool abandoned = ring_.controls[slot].abandoned.load(std::memory_order_relaxed) == state.sequence;
  uint32_t waiter = buffer.waiter().load(std::memory_order_seq_cst);
  do {
    if (waiter == static_cast<uint32_t>(PartWaiter::kNone)) return;
    const bool parked = waiter == static_cast<uint32_t>(PartWaiter::kParked);
    if (parked && !abandoned && !buffer.HasMuchRoom()) return;
  } while (!buffer.waiter().compare_exchange_weak(waiter, 0, std::memory_order_seq_cst));
  TellEvent(ring_, state.worker);
  if (waiter == static_cast<uint32_t>(PartWaiter::kParked))
    WakeSleepers(ring_, ring_.layout.ring_size.workers > kWorkerSets ? INT_MAX : 1,
                 WorkerSleepers(state.worker));
}

void Front::Abandon(int slot) {
  if (!WithWorkers(slot)) return;
  const State state = Read(slot);
  if (state.phase != Phase::kRunning || state.worker >= ring_.layout.ring_size.workers) return;
  // Sequentially consistent: either the worker sees it before it waits, or it sees the event.
  ring_.controls[slot].abandoned.store(records_[slot].sequence, std::memory_order_seq_cst);
  TellEvent(ring_, state.worker);
  if (ring_.controls[slot].outcome.load(std::memory_order_acquire) == EAS_PARTS) TellWaiter(slot);
}

// The word in the shared memory may be anything: no worker has more requests than there are slots.
uint32_t Front::MaxInFlight(int worker) const {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return 0;
  const uint32_t requests = ring_.workers[worker].max_in_flight.load(std::memory_order_relaxed);
  return std::min(requests & ~EAS_STREAMS_APART, ring_.layout.ring_size.slots);
}

bool Front::StreamsApart(int worker) const {
  if (worker < 0 || static_cast<uint32_t>(worker) >= ring_.layout.ring_size.workers) return false;
  return (ring_.workers[worker].max_in_flight.load(std::memory_order_relaxed) & EAS_STREAMS_APART) != 0;
}

}  // namespace eas

size_t eas_front_read_parts(eas_ring* ring, int slot, char* out, size_t room) {
  return ring->front->ReadParts(slot, out, room);
}

void eas_front_abandon(eas_ring* ring, int slot) { ring->front->Abandon(slot); }

uint32_t eas_front_max_in_flight(eas_ring* ring, int worker) { return ring->front->MaxInFlight(worker); }

int eas_front_streams_apart(eas_ring* ring, int worker) { return ring->front->StreamsApart(worker) ? 1 : 0; }

void eas_front_set_max_streams(eas_ring* ring, int requests) { ring->front->SetMaxStreams(requests); }
