#include "claim.h"

#include "thread_context.h"

namespace eas {
namespace {

// Less work than this is done sooner by the thread that is awake than by another one that is woken. Measured
// on two cores: five threads that were woken together served 33,000 to 43,000 requests/s, threads that were
// woken one after the other 41,000 to 48,000.
constexpr uint64_t kWakeCost = 50'000;  // nanoseconds

// Claims the slot if it is SUBMITTED for `kept_for`. Only this step gives a request to a thread.
bool Claim(SlotControl& control, uint32_t kept_for, uint32_t worker, uint32_t thread) {
  uint64_t seen = control.state.load(std::memory_order_relaxed);
  const State state = Unpack(seen);
  if (state.phase != Phase::kSubmitted || state.worker != kept_for) return false;
  const uint64_t mine = Pack({Phase::kRunning, worker, thread, state.sequence});
  // Acquire: the body was written before the state became SUBMITTED.
  if (!control.state.compare_exchange_strong(seen, mine, std::memory_order_acq_rel)) return false;
  this_thread.sequence = state.sequence;
  return true;
}

// Whether any worker may take the request in `slot`.
bool WaitsForAll(const Ring& ring, uint32_t slot) {
  if (slot >= ring.layout.ring_size.slots) return false;
  const State state = Unpack(ring.controls[slot].state.load(std::memory_order_acquire));
  return state.phase == Phase::kSubmitted && state.worker == kAnyWorker;
}

}  // namespace

void ChainWake(Ring& ring, uint64_t waiting) {
  if (waiting == 0) return;
  const uint64_t average = ring.call_nanoseconds.load(std::memory_order_relaxed);
  if (average == 0 || average * waiting > kWakeCost) WakeOne(ring, waiting);
}

int ClaimFirst(Ring& ring, uint32_t worker, uint32_t thread, uint64_t max_bytes, uint64_t* behind) {
  const uint64_t mask = ring.layout.entries - 1;
  std::atomic<uint64_t>& shared_head = ring.header->head;
  uint64_t head = shared_head.load(std::memory_order_acquire);
  for (;;) {
    // The entries below the tail are written. Sequentially consistent: see Front::WakeOneIfIdle.
    const uint64_t waiting = ring.header->tail.load(std::memory_order_seq_cst) - head;
    if (waiting == 0) return -1;
    if (waiting > ring.layout.entries) {
      // Other threads have advanced the head by a whole round since it was read. If not, head or tail is
      // corrupt, and the front repairs it.
      const uint64_t fresh = shared_head.load(std::memory_order_acquire);
      if (fresh == head) return -1;
      head = fresh;
      continue;
    }
    const uint32_t slot = ring.entries[head & mask].load(std::memory_order_relaxed);
    if (max_bytes != kAnySize && WaitsForAll(ring, slot) &&
        ring.controls[slot].input_size.load(std::memory_order_relaxed) > max_bytes)
      return -1;
    const bool claimed =
        slot < ring.layout.ring_size.slots && Claim(ring.controls[slot], kAnyWorker, worker, thread);
    // If this fails, another thread has advanced the head, and `head` is its new value.
    const bool advanced = shared_head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel);
    if (claimed) {
      *behind = waiting - 1;
      return static_cast<int>(slot);
    }
    if (advanced) ++head;
  }
}

int ClaimNext(Ring& ring, uint32_t worker, uint32_t thread) {
  uint64_t behind = 0;
  const int slot = ClaimFirst(ring, worker, thread, kAnySize, &behind);
  if (slot >= 0) ChainWake(ring, behind);
  return slot;
}

uint64_t WaitForOthers(Ring& ring, BatchRule& rule, uint64_t* most) {
  *most = 1;
  const uint64_t mask = ring.layout.entries - 1;
  std::atomic<uint64_t>& shared_head = ring.header->head;
  uint64_t head = shared_head.load(std::memory_order_acquire);
  for (;;) {
    const uint64_t waiting = ring.header->tail.load(std::memory_order_seq_cst) - head;
    if (waiting == 0 || waiting > ring.layout.entries) return 0;  // ClaimFirst sorts out the latter
    const uint32_t slot = ring.entries[head & mask].load(std::memory_order_relaxed);
    if (WaitsForAll(ring, slot))
      return rule.WaitUntil(waiting, ring.controls[slot].submitted.load(std::memory_order_relaxed), Now(),
                            most);
    if (shared_head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel)) ++head;
  }
}

int ClaimSolo(Ring& ring, uint64_t mode, uint32_t worker, uint32_t thread) {
  if ((mode & kModeSoloSlot) != kModeSoloSlot) return -1;
  const uint64_t slot = mode & ~kModeSoloSlot;
  if (slot >= ring.layout.ring_size.slots) return -1;
  return Claim(ring.controls[slot], worker, worker, thread) ? static_cast<int>(slot) : -1;
}

}  // namespace eas
