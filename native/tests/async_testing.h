// A processor for the tests of async_process: it hands its calls to the test, which then calls `done` as it
// likes.
#ifndef EAS_NATIVE_ASYNC_TESTING_H_
#define EAS_NATIVE_ASYNC_TESTING_H_

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "parts.h"
#include "testing.h"
#include "thread_pool.h"
#include "worker.h"

namespace eas::testing {

inline constexpr size_t kMore = 200'000;  // bytes that the buffer of a slot does not hold

struct Begun {
  const char* input;
  int size;
  int64_t id;
  DoneCallback done;

  std::string body() const { return {input, static_cast<size_t>(size)}; }
  void Done(const std::string& output, int finished = 1, int error_code = 200) const {
    done(output.data(), static_cast<int>(output.size()), id, finished, error_code);
  }
};

// Where the processor puts what it is given, in the order of its calls.
class Calls {
 public:
  void Add(const Begun& begun) {
    const std::lock_guard<std::mutex> lock(mutex_);
    calls_.push_back(begun);
    changed_.notify_all();
  }
  // Returns how many there were.
  int AddCancelled(int64_t id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_.push_back(id);
    changed_.notify_all();
    return ++cancelled_so_far_;
  }
  int64_t NextCancelled() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !cancelled_.empty(); });
    const int64_t id = cancelled_.front();
    cancelled_.pop_front();
    return id;
  }
  Begun Next() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !calls_.empty(); });
    const Begun begun = calls_.front();
    calls_.pop_front();
    return begun;
  }
  bool empty() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return calls_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Begun> calls_;
  std::deque<int64_t> cancelled_;
  int cancelled_so_far_ = 0;
};

// Its model is the Calls. Does what a body says; "" and others are kept for the test.
inline void Obeys(void* model, const void* input, int size, int64_t id, DoneCallback done) {
  const Begun begun{static_cast<const char*>(input), size, id, done};
  const std::string body = begun.body();
  static_cast<Calls*>(model)->Add(begun);
  if (body == "echo") done(begun.input, size, id, 1, 0);
  if (body == "throw") throw std::runtime_error("bad body");
  if (body == "end") pthread_exit(nullptr);
  if (body == "late throw") {
    begun.Done("answered");
    throw std::runtime_error("too late");
  }
}

// The second one throws, the third one ends its thread.
inline void Cancels(void* model, int64_t id) {
  const int count = static_cast<Calls*>(model)->AddCancelled(id);
  if (count == 2) throw std::runtime_error("not now");
  if (count == 3) pthread_exit(nullptr);
}

inline int Sync(void*, const void*, int, void**, int*) { return 500; }

// A ring with threads that run `async_process`.
class Served {
 public:
  explicit Served(uint32_t threads = 2, uint32_t max_in_flight = 8, AsyncFunction function = &Obeys)
      : ring(RingSize(16, 2, 8, 4 << 20, 4 << 20)) {
    processor_.process = &Sync;
    processor_.model = &calls;
    processor_.async_process = function;
    processor_.async_cancel = &Cancels;
    pool_ = std::make_unique<ThreadPool>(processor_, *ring.ring, 0, threads, max_in_flight);
  }
  ~Served() { Stop(); }

  void Stop() {
    if (pool_ == nullptr) return;
    eas::Stop(*ring.ring);
    pool_.reset();
  }

  int Submit(const std::string& body) const {
    const int slot = ring.Submit(body);
    EXPECT_GE(slot, 0);
    eas_front_wake(ring, 1);
    return slot;
  }

  // Reads the answer in `slot`, which comes in parts, to its end.
  std::string ReadParts(int slot, size_t room = kMore, const std::string& so_far = "") const {
    std::string all = so_far;
    std::vector<char> bytes(room);
    for (;;) {
      int64_t numbers[4];
      char copies[64];
      const int found = eas_front_collect(ring, numbers, 1, copies, sizeof(copies));
      EXPECT_TRUE(found == 0 || numbers[0] == slot);
      size_t got;
      while ((got = eas_front_read_parts(ring, slot, bytes.data(), room)) > 0) all.append(bytes.data(), got);
      if (found > 0 && numbers[1] != EAS_PARTS) {
        outcome = static_cast<int>(numbers[1]) & ~EAS_COPIED;
        status = static_cast<int>(numbers[2]);
        if (outcome == numbers[1]) eas_front_release(ring, slot);
        return all;
      }
      if (found == 0) ring.Sleep();
    }
  }

  const TestRing ring;
  Calls calls;
  mutable int outcome = -1;  // of the answer that ReadParts has read
  mutable int status = -1;

 private:
  Processor processor_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace eas::testing

#endif  // EAS_NATIVE_ASYNC_TESTING_H_
