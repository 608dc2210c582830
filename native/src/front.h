// The front's side of the ring: it gives slots away, collects completions, and mends what a death has torn.
//
// The front keeps its own truth here, in private memory: which slots are free, which it has in flight, under
// which sequence, and where the queue ends. What it reads from the shared memory is only ever compared with
// that, or used after a check, so a wild worker can spoil its requests but not the front.
//
// Not thread safe: one thread is the front.
#ifndef EAS_NATIVE_FRONT_H_
#define EAS_NATIVE_FRONT_H_

#include <cstdint>
#include <vector>

#include "ring.h"
#include "stats.h"

namespace eas {

class Front {
 public:
  // Takes a fresh ring: all slots are free. A worker's mapping has a Front too, and does not use it.
  explicit Front(Ring& ring);

  // Each of these is documented at its eas_front_* namesake.
  int Submit(const char* body, size_t size);
  int Reserve();
  bool Write(int slot, size_t offset, const char* data, size_t size);
  void Publish(int slot, size_t size);
  void Bell(int threads);
  void Nudge();
  int Waiting();
  int Drain(int64_t* out, int max);
  int Collect(int64_t* out, int max, char* copies, size_t room);
  bool Arm();
  void Rest(bool resting);
  bool Cancel(int slot);
  void Release(int slot);
  void Trim();
  void Backdate(int slot, int64_t nanoseconds);
  void Uncount(int slot);
  const eas_stats& stats() const { return stats_.all(); }
  uint64_t Completed(int worker) const;

  // After a death (recovery.cc)
  void Resubmit(int slot);
  bool RequeueSolo(int slot, int worker);
  int SlotPhase(int slot, uint32_t* worker, uint32_t* thread);
  void WorkerReset(int worker, bool solo);
  void Mend() { RebuildQueue(); }
  void WorkerNormal(int worker);
  bool Crash(int worker, eas_crash* out);

 private:
  // Whose a slot is by the front's books.
  enum class Holder : uint8_t { kNobody, kFront, kWorkers };

  struct Book {
    Holder holder = Holder::kNobody;
    bool output_unknown = false;  // a worker died in it: its output span may hold any number of bytes
    bool empty = true;            // it was not used since it gave its memory back
    uint32_t sequence = 0;        // as in the state word, if it is with the workers
    uint64_t ticket = 0;          // order of arrival
    uint64_t input_used = 0;      // highest byte written in this life of the slot
    uint64_t output_used = 0;
    uint64_t counted = 0;     // the last count that this slot was part of
    uint64_t begun = kNever;  // when the request began; kNever: not to be counted
  };

  bool Exists(int slot) const { return slot >= 0 && static_cast<size_t>(slot) < books_.size(); }
  bool WithWorkers(int slot) const { return Exists(slot) && books_[slot].holder == Holder::kWorkers; }
  State Read(int slot) const;
  bool WaitsForAnyone(int slot) const;
  void GiveAway(int slot, uint32_t worker);
  void Push(int slot);
  void SkipStale();
  void RebuildQueue();
  void MarkDone(int slot);
  bool RanThen(int slot, int worker, const eas_crash& crash) const;
  int TakeCompletions(int64_t* out, int max);
  bool TakeCompletion(int slot, int64_t* out);
  void Count(const int64_t* out, int completions);
  void PunchInput(int slot);
  void PunchOut(int slot);
  void Punch(uint64_t at, uint64_t size);

  Ring& ring_;
  std::vector<Book> books_;
  std::vector<uint64_t> completed_;  // by worker
  std::vector<int> free_;            // taken from the back: the slot used last is still in the caches
  std::vector<int> scratch_;         // of RebuildQueue, so that it allocates nothing
  uint64_t tail_ = 0;                // the truth of header->tail
  uint64_t head_seen_ = 0;           // header->head as last read: spares a cache miss per submission
  uint64_t tickets_ = 0;
  uint64_t turn_ = kNever;     // when the first was published since the last nudge, and so all of them
  uint64_t counts_ = 0;        // of Waiting, when it must look at each entry
  bool resting_ = false;       // the truth of header->resting
  bool stale_inside_ = false;  // since the queue was last empty, entries may be stale behind its head
  Stats stats_;
};

}  // namespace eas

#endif  // EAS_NATIVE_FRONT_H_
