// One process's mapping of a ring: the addresses of the parts that layout.h describes, and private data.
//
// The struct itself is private to the process; its pointers lead into the shared memory. Lengths come from
// the private `layout`, which MapRing has checked against the descriptor.
#ifndef EAS_NATIVE_RING_H_
#define EAS_NATIVE_RING_H_

#include <atomic>
#include <memory>
#include <string>

#include "layout.h"

namespace eas {
class BusyPoll;
class Front;
class ParkedCalls;
}  // namespace eas

struct eas_batches;

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
  eas::SlotControl* controls = nullptr;
  std::atomic<uint64_t>* bitmap = nullptr;
  std::atomic<uint32_t>* entries = nullptr;

  char* Input(uint32_t slot) const { return base + layout.InputAt(slot); }
  char* Output(uint32_t slot) const { return base + layout.OutputAt(slot); }

  // Worker side
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> call_nanoseconds{0};  // moving average of this process; 0: none timed yet
  std::unique_ptr<eas::BusyPoll> request_poll;
  std::unique_ptr<eas::ParkedCalls> parked;
  std::shared_ptr<eas_batches> batches;  // see eas_worker_open_batches

  // Front side
  std::unique_ptr<eas::Front> front;
};

namespace eas {

using Ring = ::eas_ring;

// See eas_ring_create and eas_ring_map.
int CreateRing(const eas_ring_size& ring_size, std::string* error);
Ring* MapRing(int memfd, int completion_fd, std::string* error);

// How many completion bits are set.
uint32_t CountComplete(const Ring& ring);

// Increments the wake count and wakes up to `threads` threads among `sleepers`, a set of ...Sleepers bits.
// Returns whether there was one.
bool WakeSleepers(Ring& ring, int threads, uint32_t sleepers);

// Wakes one thread for the queue, in which `waiting` requests wait, unless these are many and one was woken
// that has not looked at it yet.
void WakeOne(Ring& ring, uint64_t waiting);

// CLOCK_MONOTONIC in nanoseconds.
uint64_t Now();

// Has the threads go on that wait for an event of the worker (eas_worker_wait_for_event).
void TellEvent(Ring& ring, uint32_t worker);

inline constexpr uint64_t kNever = 0;  // a time that this clock never shows

// Sleeps until WakeSleepers wakes `sleepers`, unless the wake count is no longer `seen`. Returns ETIMEDOUT at
// `deadline`, EINTR if a signal was handled, else 0. A return without a reason is possible.
int WaitForWake(Ring& ring, uint32_t seen, uint32_t sleepers, uint64_t deadline);

// "WHAT: reason of errno"
std::string ErrnoText(const std::string& what);

}  // namespace eas

#endif  // EAS_NATIVE_RING_H_
