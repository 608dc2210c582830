// The shared memory of a ring: what lies where, and what each word means.
//
// One memfd:  [Header | worker records | controls | completion bitmap | submission entries | data]
//
// The data area has two spans for each slot, input (max_body and a page) and output (max_output in pages).
// They are sparse: a page exists from its first write until the front punches it out again.
//
// Rule: any process may be killed at any instruction. So there is no lock in here, no pointer, nothing that
// somebody must take back for others to go on; and one word alone tells the truth about a slot: its state.
//
//            front                    worker                     worker                 front
//   FREE ------------> SUBMITTED ----------------> RUNNING ----------------> DONE ------------> FREE
//          publish      ^   |      claim (CAS)     w, t, seq   complete (CAS)        release
//                       |   | cancel (CAS) -> FREE    |
//                       +---------- resubmit ---------+  the worker died; new sequence
//
// Everything else is a hint that may be stale, doubled or missing:
//  - the submission entries give the order. An entry whose slot is not SUBMITTED is skipped.
//  - the completion bitmap says where to look. A bit whose slot is not DONE is ignored.
//  - the doorbell is a futex that only says "look again".
//  - the count of threads that look spares wake-ups; the front rings all the same for what waits for long.
//
// The sequence is raised by the front each time that it gives a slot away, so a compare-and-swap that was
// prepared for an earlier life of the slot fails. To be fooled it would take 2^32 lives within one such
// pause.
#ifndef EAS_NATIVE_LAYOUT_H_
#define EAS_NATIVE_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "api.h"

namespace eas {

// Shared between processes, so an atomic must be an instruction, not a lock in the memory of one process.
static_assert(std::atomic<uint64_t>::is_always_lock_free, "the ring needs lock-free 64-bit atomics");
static_assert(std::atomic<uint32_t>::is_always_lock_free, "the ring needs lock-free 32-bit atomics");
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "a futex word is exactly 32 bits");

inline constexpr size_t kCacheLine = 64;   // words written by different sides do not share one
inline constexpr uint32_t kAnyone = 4095;  // SUBMITTED with this worker: whoever comes first

enum class Phase : uint8_t { kFree = 0, kSubmitted = 1, kRunning = 2, kDone = 3 };

// The state word of a slot: phase (8 bits) | worker (12) | thread (12) | sequence (32).
struct State {
  Phase phase;
  uint32_t worker;
  uint32_t thread;
  uint32_t sequence;
};

constexpr uint64_t Pack(const State& state) {
  return static_cast<uint64_t>(state.phase) << 56 | static_cast<uint64_t>(state.worker & 0xFFF) << 44 |
         static_cast<uint64_t>(state.thread & 0xFFF) << 32 | state.sequence;
}

constexpr State Unpack(uint64_t word) {
  return {static_cast<Phase>(word >> 56), static_cast<uint32_t>(word >> 44 & 0xFFF),
          static_cast<uint32_t>(word >> 32 & 0xFFF), static_cast<uint32_t>(word)};
}

// Who is wakened: consumers that take from the queue sleep with the one bit, those in solo mode with the
// other, so that a wake-up meant for the queue is never lost on a thread that may not take from it.
inline constexpr uint32_t kQueueSleepers = 1;
inline constexpr uint32_t kSoloSleepers = 2;

// The mode word of a worker, written only by the front.
inline constexpr uint64_t kModeQueue = 0;              // takes from the queue
inline constexpr uint64_t kModeSoloIdle = 1ULL << 63;  // takes nothing
inline constexpr uint64_t kModeSoloSlot = 3ULL << 62;  // | slot: may claim only that slot

struct Header {
  // Written once, before anybody maps.
  uint64_t magic;
  uint64_t version;
  eas_shape shape;

  // Where the next entry goes; written by the front alone.
  alignas(kCacheLine) std::atomic<uint64_t> tail;

  // The next entry to look at; advanced by consumers, and over stale entries by the front.
  alignas(kCacheLine) std::atomic<uint64_t> head;

  // The futex word that consumers sleep on; both sides add to it.
  alignas(kCacheLine) std::atomic<uint32_t> doorbell;

  // Not 0: the front sleeps, and wants the eventfd written when so many slots are complete.
  alignas(kCacheLine) std::atomic<uint32_t> armed;

  // Not 0: the front looks for completions rarely, so no thread may keep one to itself. On a line of its own,
  // which hardly ever changes: each completion reads it.
  alignas(kCacheLine) std::atomic<uint32_t> resting;
};

struct WorkerRecord {
  // One of kMode...; written by the front alone.
  alignas(kCacheLine) std::atomic<uint64_t> mode;

  // Threads that will look at the queue before they sleep, and soon. It tells whether somebody must be
  // wakened, and after a kill it lies until the front resets it; so a request that waits for long is rung for
  // all the same.
  alignas(kCacheLine) std::atomic<uint32_t> looking;

  // Stored last, with release: `crash` is there.
  alignas(kCacheLine) std::atomic<int32_t> crash_kind;
  std::atomic<uint32_t> crash_frames;
  eas_crash crash;
};

// What both sides must know of a slot. The fields below the state are ordered by it; they are atomics
// (relaxed) so that a value is read once: a wild writer cannot change it between the check and the use.
struct alignas(kCacheLine) Control {
  std::atomic<uint64_t> state;
  std::atomic<uint64_t> input_size;
  std::atomic<uint64_t> output_size;
  std::atomic<int32_t> outcome;
  std::atomic<int32_t> status;
};

// Offsets and lengths that follow from a shape. Each process keeps its own copy and never reads them again
// from the shared memory.
struct Layout {
  eas_shape shape{};
  uint64_t entries = 0;  // a power of two, at least 4 * slots: room for stale ones
  uint64_t bitmap_words = 0;
  uint64_t input_span = 0;
  uint64_t output_span = 0;
  uint64_t workers_at = 0;
  uint64_t controls_at = 0;
  uint64_t bitmap_at = 0;
  uint64_t entries_at = 0;
  uint64_t data_at = 0;
  uint64_t bytes = 0;

  uint64_t InputAt(uint32_t slot) const { return data_at + slot * (input_span + output_span); }
  uint64_t OutputAt(uint32_t slot) const { return InputAt(slot) + input_span; }
};

// The system's page: spans are whole pages, so that they can be mapped and punched on their own.
uint64_t PageSize();

// Computes the layout of a shape; false with *error if the shape cannot be.
bool PlanLayout(const eas_shape& shape, Layout* layout, std::string* error);

inline constexpr uint64_t kMagic = 0x676E69722D736165;  // "eas-ring"
inline constexpr uint64_t kVersion = 1;

}  // namespace eas

#endif  // EAS_NATIVE_LAYOUT_H_
