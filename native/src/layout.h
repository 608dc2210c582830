// The shared memory of a ring: where each part lies, and what each word means.
//
// One memfd:  [Header | worker records | slot controls | completion bitmap | submission entries | data]
//
// The data area has two spans for each slot, input (max_body and a page) and output (max_output in pages).
// They are sparse: a page takes memory from its first write until the front punches a hole there.
//
// Rule: any process may be killed at any instruction. So there is no lock here, no pointer, and nothing that
// one process must undo before others can go on; and one word alone decides about a slot: its state.
//
//            front                    worker                     worker                 front
//   FREE ------------> SUBMITTED ----------------> RUNNING ----------------> DONE ------------> FREE
//          publish      ^   |      claim (CAS)     w, t, seq   complete (CAS)        release
//                       |   | cancel (CAS) -> FREE    |
//                       +---------- resubmit ---------+  the worker has died; new sequence
//
// A request that is answered in parts is RUNNING until its last one (parts.h). RUNNING by thread EAS_DETACHED
// means that no thread of the worker has it: it waits for a client to read, or for a call to come back.
//
// Everything else is a hint that may be stale, duplicated or missing:
//  - The submission entries give the order. An entry whose slot is not SUBMITTED is skipped.
//  - The completion bitmap says which slots to check. A bit whose slot is not DONE is ignored.
//  - The wake count is a futex; a change of it only means "look at the queue again".
//  - The count of spinning threads, and the word that says that one is being woken, save wake-ups. The front
//    wakes threads for requests that wait for long, whatever these say.
//
// The front increments the sequence each time that it makes a slot claimable. So a compare-and-swap that was
// prepared for an earlier request of the slot fails, unless 2^32 requests have used the slot meanwhile.
#ifndef EAS_NATIVE_LAYOUT_H_
#define EAS_NATIVE_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "api.h"

namespace eas {

// Processes share them, so an atomic must be an instruction, not a lock in the memory of one process.
static_assert(std::atomic<uint64_t>::is_always_lock_free, "the ring needs lock-free 64-bit atomics");
static_assert(std::atomic<uint32_t>::is_always_lock_free, "the ring needs lock-free 32-bit atomics");
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "a futex word is exactly 32 bits");

inline constexpr size_t kCacheLine = 64;      // words that different sides write do not share one
inline constexpr uint32_t kAnyWorker = 4095;  // SUBMITTED with this worker: any worker may claim it

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

// The sets of sleeping threads. Threads that take from the queue sleep in one set, threads in solo mode in
// the other, so that a wake-up for the queue never goes to a thread that may not take from it.
inline constexpr uint32_t kQueueSleepers = 1;
inline constexpr uint32_t kSoloSleepers = 2;

// Besides, each thread sleeps in the set of its worker, for what only that worker can do. Workers share sets
// if there are more of them, and then all threads of a set are woken.
inline constexpr uint32_t kWorkerSets = 30;
constexpr uint32_t WorkerSleepers(uint32_t worker) { return 4U << worker % kWorkerSets; }

// The mode word of a worker, written only by the front.
inline constexpr uint64_t kModeQueue = 0;              // takes from the queue
inline constexpr uint64_t kModeSoloIdle = 1ULL << 63;  // takes nothing
inline constexpr uint64_t kModeSoloSlot = 3ULL << 62;  // | slot: may claim only that slot

struct Header {
  // Written once, before any process maps the ring.
  uint64_t magic;
  uint64_t version;
  eas_ring_size ring_size;

  // Where the next entry goes; only the front writes it.
  alignas(kCacheLine) std::atomic<uint64_t> tail;

  // The next entry to look at. Consumers advance it; the front does, too, over stale entries.
  alignas(kCacheLine) std::atomic<uint64_t> head;

  // The futex word on which consumers sleep; both sides increment it.
  alignas(kCacheLine) std::atomic<uint32_t> wake_count;

  // Not 0: a thread was woken that has not looked at the queue yet, so no other one need be woken. If that
  // thread is killed before it has looked, Front::Wake clears this, which follows each death.
  alignas(kCacheLine) std::atomic<uint32_t> waking;

  // Not 0: the front sleeps, and the eventfd is to be written when so many slots are complete.
  alignas(kCacheLine) std::atomic<uint32_t> notify_threshold;

  // Not 0: the front polls for completions rarely, so a thread must report each one at once. It has a cache
  // line of its own, which hardly ever changes, because each completion reads it.
  alignas(kCacheLine) std::atomic<uint32_t> notify_immediately;

  // Not 0: each request is timed. It hardly ever changes, either.
  std::atomic<uint32_t> timed;

  // Nanoseconds that a thread may look for a request before it sleeps. It never changes while workers run.
  std::atomic<uint64_t> busy_poll;

  // When requests are taken as one batch: the fields of eas_batching. They never change while workers run.
  std::atomic<uint64_t> batching[4];

  // Calls of the kernel that woke threads, and writes of the eventfd. Both sides count, so a corrupt worker
  // can falsify them: nothing is decided by them.
  alignas(kCacheLine) std::atomic<uint64_t> wake_ups;
  std::atomic<uint64_t> notifications;
};

struct WorkerRecord {
  // One of kMode...; only the front writes it.
  alignas(kCacheLine) std::atomic<uint64_t> mode;

  // Threads that are awake and will soon look at the queue, before they sleep. While there is one, the front
  // need not wake another. After a kill the count is wrong until the front resets it; so the front wakes
  // threads for requests that wait for long, whatever the count says.
  alignas(kCacheLine) std::atomic<uint32_t> spinning;

  // How many requests a thread takes at once; 0 is 1. The worker writes it before its threads start.
  std::atomic<uint32_t> batch_size;

  // A futex word: the count of eas_worker_events. Both sides increment it.
  std::atomic<uint32_t> events;

  // How many requests it may have under way, detached ones included; 0: as many as its threads take at once.
  // The worker writes it before it takes one; EAS_STREAMS_APART may be in it.
  std::atomic<uint32_t> max_in_flight;

  // Stored last, with release: whoever sees it sees `crash`.
  alignas(kCacheLine) std::atomic<int32_t> crash_kind;
  std::atomic<uint32_t> crash_frames;
  eas_crash crash;
};

// What both sides must know of a slot. The state orders the accesses to the other fields. Those are atomics
// (relaxed), so that each value is read once: nobody can change it between the check and the use.
struct alignas(kCacheLine) SlotControl {
  std::atomic<uint64_t> state;
  std::atomic<uint64_t> input_size;
  std::atomic<uint64_t> output_size;  // of an answer in parts: bytes written so far
  std::atomic<int32_t> outcome;
  std::atomic<int32_t> status;
  std::atomic<uint64_t> taken;      // CLOCK_MONOTONIC nanoseconds, if requests are timed or batched
  std::atomic<uint64_t> completed;  // the same, if requests are timed
  std::atomic<uint64_t> submitted;  // the same, when its turn of the front's loop began
  std::atomic<uint32_t> batch;      // requests in its batch, and kBatchLeader in one of them; 0: it ran alone
  std::atomic<uint32_t> abandoned;  // the sequence of the request that nobody waits for any more
};
inline constexpr uint32_t kBatchLeader = 1U << 31;
static_assert(sizeof(SlotControl) == kCacheLine, "a slot's words are read and written together");

// Offsets and lengths, computed from a ring's size. Each process keeps its own copy and never reads them from
// the shared memory again.
struct Layout {
  eas_ring_size ring_size{};
  uint64_t entries = 0;  // a power of two, at least 4 * slots: there is room for stale ones
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

// The system's page size. Spans are whole pages, so that each can be mapped and given back by itself.
uint64_t PageSize();

// Computes the layout of a ring of this size. False with *error if such a ring is impossible.
bool PlanLayout(const eas_ring_size& ring_size, Layout* layout, std::string* error);

inline constexpr uint64_t kMagic = 0x676E69722D736165;  // "eas-ring"
inline constexpr uint64_t kVersion = 5;

}  // namespace eas

#endif  // EAS_NATIVE_LAYOUT_H_
