// The worker's side of answers in parts. The front's side is in front_parts.cc.
#include "parts.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "claim.h"
#include "parked_calls.h"
#include "part_buffer.h"
#include "worker.h"

namespace eas {
namespace {

constexpr long kNanoseconds = 1'000'000;  // of a millisecond

uint64_t HeldState(uint32_t worker, uint32_t thread, const eas_call& call) {
  return Pack({Phase::kRunning, worker, thread, call.sequence});
}

bool Exists(const Ring& ring, const eas_call& call) { return call.slot < ring.layout.ring_size.slots; }

bool IsAbandoned(const Ring& ring, const eas_call& call) {
  return ring.controls[call.slot].abandoned.load(std::memory_order_seq_cst) == call.sequence;
}

// Begins the answer, if it has not begun. Returns whether it has begun now.
bool Begin(Ring& ring, uint32_t slot, int status) {
  SlotControl& control = ring.controls[slot];
  if (control.outcome.load(std::memory_order_relaxed) == EAS_PARTS) return false;
  PartBuffer(ring, slot).Begin();
  control.status.store(status, std::memory_order_relaxed);
  // Release: whoever sees the outcome sees the empty buffer.
  control.outcome.store(EAS_PARTS, std::memory_order_release);
  return true;
}

bool Move(Ring& ring, uint32_t worker, const eas_call& call, uint32_t from, uint32_t to) {
  uint64_t held = HeldState(worker, from, call);
  return Exists(ring, call) && ring.controls[call.slot].state.compare_exchange_strong(
                                   held, HeldState(worker, to, call), std::memory_order_acq_rel);
}

int SendPart(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call, int status, const char* data,
             size_t size, size_t* sent) {
  *sent = 0;
  if (!Holds(ring, worker, thread, call) || IsAbandoned(ring, call)) return EAS_PART_CLOSED;
  const bool first = Begin(ring, call.slot, status);
  PartBuffer buffer(ring, call.slot);
  uint64_t room = buffer.Room();
  if (room < size) {
    // Sequentially consistent: see PartBuffer::SetRead.
    buffer.waiter().store(static_cast<uint32_t>(PartWaiter::kEvent), std::memory_order_seq_cst);
    room = buffer.Room();
  }
  *sent = std::min<size_t>(size, room);
  buffer.Write(data, *sent);
  if (first || *sent > 0) ReportPart(ring, call.slot, first);
  return *sent == size ? EAS_PART_SENT : EAS_PART_FULL;
}

void Park(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call) {
  if (!Move(ring, worker, call, thread, EAS_DETACHED)) return;
  PartBuffer(ring, call.slot)
      .waiter()
      .store(static_cast<uint32_t>(PartWaiter::kParked), std::memory_order_seq_cst);
  ring.parked->Add(call);  // which has it looked at once more: the front may have read before this store
}

}  // namespace

void ParkedCalls::Add(const eas_call& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.push_back(call);
  changed_ = true;
  count_.store(static_cast<uint32_t>(calls_.size()), std::memory_order_relaxed);
}

bool ParkedCalls::Resume(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const uint32_t events = ring.workers[worker].events.load(std::memory_order_seq_cst);
  if (!changed_ && events == events_seen_) return false;
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (!PartBuffer(ring, calls_[i].slot).HasMuchRoom() && !IsAbandoned(ring, calls_[i])) continue;
    *call = calls_[i];
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(i));
    changed_ = true;  // another one may go on, too
    count_.store(static_cast<uint32_t>(calls_.size()), std::memory_order_relaxed);
    Move(ring, worker, *call, EAS_DETACHED, thread);
    return true;
  }
  changed_ = false;
  events_seen_ = events;
  return false;
}

}  // namespace eas

int eas_worker_send_part(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int status,
                         const char* data, size_t size, size_t* sent) {
  return eas::SendPart(*ring, worker, thread, *call, status, data, size, sent);
}

void eas_worker_end_parts(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call,
                          int status) {
  if (!eas::Holds(*ring, worker, thread, *call)) return;
  eas::Begin(*ring, call->slot, status);
  eas::CompleteParts(*ring, worker, thread, *call);
}

void eas_worker_detach(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call) {
  eas::Move(*ring, worker, *call, thread, EAS_DETACHED);
}

void eas_worker_park(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call) {
  eas::Park(*ring, worker, thread, *call);
}

void eas_worker_set_max_in_flight(eas_ring* ring, uint32_t worker, uint32_t requests) {
  if (worker >= ring->layout.ring_size.workers) return;
  ring->workers[worker].max_in_flight.store(requests, std::memory_order_relaxed);
}

int eas_worker_take_parked(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call) {
  if (ring->stopping.load(std::memory_order_acquire)) return EAS_STOPPED;
  return ring->parked->Resume(*ring, worker, thread, call) ? EAS_RESUMED : EAS_TIMED_OUT;
}

int eas_worker_is_abandoned(eas_ring* ring, const eas_call* call) {
  return eas::Exists(*ring, *call) && eas::IsAbandoned(*ring, *call) ? 1 : 0;
}

uint32_t eas_worker_events(eas_ring* ring, uint32_t worker) {
  if (worker >= ring->layout.ring_size.workers) return 0;
  return ring->workers[worker].events.load(std::memory_order_seq_cst);
}

void eas_worker_wait_for_event(eas_ring* ring, uint32_t worker, uint32_t seen, int timeout_ms) {
  if (worker >= ring->layout.ring_size.workers || ring->stopping.load(std::memory_order_acquire)) return;
  const timespec limit{timeout_ms / 1000, timeout_ms % 1000 * eas::kNanoseconds};
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&ring->workers[worker].events), FUTEX_WAIT, seen,
          timeout_ms < 0 ? nullptr : &limit, nullptr, 0);
}
