// The threads of a cpp worker. Each takes requests, calls the processor and completes them, without Python.
//
// The threads are detached and counted. A processor may end the thread that calls it, and C++ code must not
// stop that, so another thread replaces it. If threads were joinable, somebody would have to join each of
// those that the processor ends.
#ifndef EAS_NATIVE_THREAD_POOL_H_
#define EAS_NATIVE_THREAD_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "async_calls.h"
#include "batch_rule.h"
#include "exception_guard.h"
#include "loader.h"
#include "ring.h"

namespace eas {

// See eas_cpp_announce.
void Announce(const Processor& processor, Ring& ring, uint32_t worker, uint32_t max_in_flight);

class ThreadPool {
 public:
  // Starts the threads. Of a processor with `async_process` up to max_in_flight calls are under way at once.
  // REQUIRES: processor and ring outlive the pool.
  ThreadPool(const Processor& processor, Ring& ring, uint32_t worker, uint32_t threads,
             uint32_t max_in_flight = 64);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Waits until all threads have ended. REQUIRES: Stop(ring) was called.
  ~ThreadPool();

 private:
  struct Member;

  EAS_CATCHES_FORCED_UNWIND static void* Main(void* member);
  void Loop(uint32_t thread);
  void BatchLoop(uint32_t thread);
  void AsyncLoop(uint32_t thread);
  void CancelLoop();
  void Start(uint32_t thread);
  void End();

  const Processor& processor_;
  Ring& ring_;
  const uint32_t worker_;
  const uint32_t canceller_;           // the number of the thread that calls eas_async_cancel
  std::unique_ptr<AsyncCalls> async_;  // null: requests are answered when their calls return
  std::unique_ptr<BatchRule> rule_;    // null: one request a call
  std::vector<std::vector<eas_call>>
      batches_;  // of each thread; not empty where a thread was ended in a batch
  std::mutex mutex_;
  std::condition_variable ended_;
  uint32_t running_ = 0;  // guarded by mutex_
};

}  // namespace eas

#endif  // EAS_NATIVE_THREAD_POOL_H_
