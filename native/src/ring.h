// One process's mapping of a ring: where the parts of layout.h lie here, and what this process keeps for
// itself.
//
// Nothing in here is shared; the shared parts are reached through the pointers. The lengths come from the
// private `layout`, which was checked against the descriptor when it was mapped.
#ifndef EAS_NATIVE_RING_H_
#define EAS_NATIVE_RING_H_

#include <atomic>
#include <memory>
#include <string>

#include "layout.h"

namespace eas {
class Front;
}

struct eas_ring {
  eas_ring() = default;
  eas_ring(const eas_ring&) = delete;
  eas_ring& operator=(const eas_ring&) = delete;
  ~eas_ring();

  eas::Layout layout;
  int memfd = -1;
  int completion_fd = -1;
  char* base = nullptr;

  eas::Header* header = nullptr;
  eas::WorkerRecord* workers = nullptr;
  eas::Control* controls = nullptr;
  std::atomic<uint64_t>* bitmap = nullptr;
  std::atomic<uint32_t>* entries = nullptr;

  char* Input(uint32_t slot) const { return base + layout.InputAt(slot); }
  char* Output(uint32_t slot) const { return base + layout.OutputAt(slot); }

  // Worker side
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> call_nanoseconds{0};  // moving average of this process's calls; 0: none timed yet

  // Front side
  std::unique_ptr<eas::Front> front;
};

namespace eas {

using Ring = ::eas_ring;

// See eas_ring_create and eas_ring_map.
int CreateRing(const eas_shape& shape, std::string* error);
Ring* MapRing(int memfd, int completion_fd, std::string* error);

// How many completion bits are set.
uint32_t CountComplete(const Ring& ring);

// Adds to the doorbell and wakes up to `threads` of the sleepers (a set of k...Sleepers bits).
void RingBell(Ring& ring, int threads, uint32_t sleepers);

// CLOCK_MONOTONIC in nanoseconds.
uint64_t Now();

inline constexpr uint64_t kNever = 0;  // no moment of that clock

// Sleeps until the bell is rung for `sleepers`, unless the doorbell is no longer `seen`. ETIMEDOUT if instead
// it was `deadline`, EINTR if a signal was handled, else 0, also for no reason.
int WaitBell(Ring& ring, uint32_t seen, uint32_t sleepers, uint64_t deadline);

// "WHAT: reason of errno"
std::string ErrnoText(const std::string& what);

}  // namespace eas

#endif  // EAS_NATIVE_RING_H_
