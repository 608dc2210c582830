// The front's side of the ring: it makes slots claimable, collects completions, and repairs the ring after a
// worker's death.
//
// The front keeps its own records here, in private memory: which slots are free, which are in flight, under
// which sequence, and where the queue ends. It compares what it reads from the shared memory with these
// records, or checks it before use. So a processor that overwrites the shared memory can spoil its requests,
// but not the front.
//
// Not thread safe: one thread is the front.
#ifndef EAS_NATIVE_FRONT_H_
#define EAS_NATIVE_FRONT_H_

#include <cstdint>
#include <vector>

#include "batching.h"
#include "busy_poll.h"
#include "ring.h"
#include "stats.h"
#include "timing.h"

namespace eas {

// Answers requests by itself, without the caller of Collect. The plane is one.
class Answerer {
 public:
  virtual ~Answerer() = default;

  // Answers the request in `slot`, which is complete, from the output there. False: the caller has to. All
  // numbers are checked.
  virtual bool Answer(int slot, int outcome, int status, size_t size) = 0;
};

class Front {
 public:
  // REQUIRES: the ring is new; all slots are free. A worker's mapping has a Front too, but never uses it.
  explicit Front(Ring& ring);

  // Each of these is documented in api.h at the function of the same name, eas_front_*.
  int Submit(const char* body, size_t size);
  int Reserve();
  bool Write(int slot, size_t offset, const char* data, size_t size);

  // Where `size` bytes of a body may be written into a reserved slot, at `offset`; nullptr if they may not.
  char* Room(int slot, size_t offset, size_t size);

  void Publish(int slot, size_t size);
  void Wake(int threads);
  void WakeOneIfIdle();
  int Waiting();
  int Drain(int64_t* out, int max);
  int Collect(int64_t* out, int max, char* copies, size_t room);
  bool RequestNotification();
  void NotifyImmediately(bool immediately);
  bool Cancel(int slot);
  size_t ReadParts(int slot, char* out, size_t room);
  void Abandon(int slot);
  void SetMaxStreams(int requests) { max_streams_ = requests; }
  void Release(int slot);
  void Trim();
  void StartEarlier(int slot, int64_t nanoseconds);
  void ExcludeFromStats(int slot);
  eas_stats Statistics() const;
  uint64_t Completed(int worker) const;
  void SetCapacity(int requests) { capacity_ = requests; }
  int InFlight() const { return in_flight_; }
  uint64_t Collected() const { return collected_; }
  void TimeRequests();
  void SetBusyPoll(uint64_t nanoseconds);
  void SetBatching(const eas_batching& batching);
  uint32_t BatchSize(int worker) const;
  uint32_t MaxInFlight(int worker) const;
  bool StreamsApart(int worker) const;
  void SetMaxWaiting(int requests, int at_least) {
    max_waiting_ = requests;
    all_busy_ = at_least;
  }
  eas_timing Timing(int slot) const;

  // Where the output of a slot that was drained begins.
  const char* Output(int slot) const { return ring_.Output(static_cast<uint32_t>(slot)); }

  // Whether one more request may be submitted.
  bool HasRoom() { return HasRoom(capacity_); }
  bool HasRoom(int capacity) {
    const int counted = in_flight_ - streams_;
    if (counted >= capacity) return false;
    return max_waiting_ == 0 || counted < all_busy_ || Waiting() < max_waiting_;
  }

  // Asks `answerer` first for the answer to each completion that Collect finds; nullptr: nobody.
  void SetAnswerer(Answerer* answerer) { answerer_ = answerer; }

  // After a worker's death (recovery.cc)
  void Resubmit(int slot);
  bool RequeueSolo(int slot, int worker);
  int SlotPhase(int slot, uint32_t* worker, uint32_t* thread);
  void ResetWorker(int worker, bool solo);
  void RebuildQueue();
  void LeaveSolo(int worker);
  bool Crash(int worker, eas_crash* out);

 private:
  // Who holds a slot, by the front's own records.
  enum class Holder : uint8_t { kNobody, kFront, kWorkers };

  struct SlotRecord {
    Holder holder = Holder::kNobody;
    bool output_unknown = false;  // its worker died: the output span may hold any number of bytes
    bool empty = true;            // not used since its memory was given back
    bool in_flight = false;       // published, and not released since
    bool in_parts = false;        // its answer has begun
    bool streams = false;         // and is counted in streams_
    uint32_t sequence = 0;        // as in the state word, while the workers hold it
    uint64_t arrival = 0;         // order of arrival
    uint64_t input_used = 0;      // highest byte written in this life of the slot
    uint64_t output_used = 0;
    uint64_t parts_read = 0;       // bytes of its answer in parts that were read
    uint64_t counted_in = 0;       // the last count of Waiting that has counted this slot
    uint64_t start_time = kNever;  // of the request; kNever: not part of the statistics
    eas_timing timing{};           // of the request that was drained last, if requests are timed
  };

  bool Exists(int slot) const { return slot >= 0 && static_cast<size_t>(slot) < records_.size(); }
  bool WithWorkers(int slot) const { return Exists(slot) && records_[slot].holder == Holder::kWorkers; }
  State Read(int slot) const;
  bool WaitsForAnyWorker(int slot) const;
  void MakeClaimable(int slot, uint32_t worker);
  void Enqueue(int slot);
  void SkipStaleEntries();
  void MarkDone(int slot);
  bool WasRunning(int slot, int worker, const eas_crash& crash) const;
  int TakeCompletions(int64_t* out, int max);
  int AnswerAll(int64_t* out, int found);
  bool TakeCompletion(int slot, int64_t* out);
  bool TakeParts(int slot, int64_t* out);
  void BeginParts(int slot);
  void TellWaiter(int slot);
  void Count(const int64_t* out, int completions);
  void NoteTiming(int slot, uint32_t worker);
  void NoteBatch(int slot);
  void WriteBatching();
  void PunchInput(int slot);
  void PunchOut(int slot);
  void Punch(uint64_t at, uint64_t size);

  Ring& ring_;
  std::vector<SlotRecord> records_;
  std::vector<uint64_t> completed_;  // by worker
  std::vector<int> free_;            // used from the back: the caches still hold the slot used last
  std::vector<int> scratch_;         // RebuildQueue's, so that it allocates nothing
  uint64_t tail_ = 0;                // the front's own copy of header->tail
  uint64_t head_seen_ = 0;           // header->head as last read: saves a cache miss for each submission
  uint64_t arrivals_ = 0;
  uint64_t batch_start_ = kNever;    // when the first request since the last wake-up was published
  uint64_t waiting_counts_ = 0;      // numbers the counts of Waiting that look at each entry
  bool notify_immediately_ = false;  // the front's own copy of the header's
  bool timed_ = false;               // the same
  uint64_t busy_poll_ = 0;           // the same
  eas_batching batching_{};          // the same
  bool stale_inside_ = false;        // the queue may hold stale entries behind its head
  int in_flight_ = 0;                // requests published and not released
  int streams_ = 0;                  // of them with an answer that has begun, up to max_streams_
  int max_streams_ = 0;
  int capacity_ = 0;        // how many there may be, by eas_front_set_capacity
  int max_waiting_ = 0;     // how many of them may wait; 0: any number
  int all_busy_ = 0;        // as long as fewer are in flight, any number may wait
  uint64_t collected_ = 0;  // completions drained so far
  uint64_t direct_ = 0;     // of them answered by the answerer
  Answerer* answerer_ = nullptr;
  BusyPoll completion_poll_;
  Stats stats_;
};

}  // namespace eas

#endif  // EAS_NATIVE_FRONT_H_
