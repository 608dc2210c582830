// The calls of `async_process` that are under way in this process.
//
// `done` gets no more than a number, so that is looked up among the calls of all processors of this process.
// A number is never used again: one that is not there had its last answer, or never was one.
//
// A worker may have so many calls under way at once; each has a place among them from before its request is
// taken until its last done. So what waits stays in the ring, where other workers and the front see it.
#ifndef EAS_NATIVE_ASYNC_CALLS_H_
#define EAS_NATIVE_ASYNC_CALLS_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "async_call.h"
#include "exception_guard.h"
#include "loader.h"
#include "replier.h"
#include "ring.h"

namespace eas {

// Those of one worker. Thread safe.
class AsyncCalls {
 public:
  AsyncCalls(Ring& ring, uint32_t worker, uint32_t max_in_flight)
      : ring_(ring), worker_(worker), places_(max_in_flight) {}
  AsyncCalls(const AsyncCalls&) = delete;
  AsyncCalls& operator=(const AsyncCalls&) = delete;

  // From here on done does nothing for calls that are still under way. Their inputs stay: the processor may
  // read them. REQUIRES: Stop(ring) was called, and no thread takes requests.
  ~AsyncCalls();

  uint32_t worker() const { return worker_; }

  // Waits until a further call may be under way, and takes its place. False: a stop was asked.
  bool AwaitPlace();

  // Gives a place back that no call has taken.
  void FreePlace();

  // Adds a call, which takes a place that AwaitPlace has given to `thread`, and its number.
  std::shared_ptr<AsyncCall> Begin(uint32_t thread, const eas_call& call, int64_t* request_id);

  // Removes the call of that number, whose request is complete.
  void End(int64_t request_id);

  // Tells the processor, once, of each call that nobody waits for any more. Returns when a stop is asked.
  void TellAbandoned(const Processor& processor);

  // What the processor gets as `done`.
  static void Done(const char* output, int output_size, int64_t request_id, int finished, int error_code);

 private:
  bool TryPlace();
  int64_t TakeAbandoned();

  Ring& ring_;
  const uint32_t worker_;
  std::atomic<uint32_t> places_;      // for further calls
  std::atomic<uint32_t> waiting_{0};  // threads that wait for one
  uint32_t answering_ = 0;            // calls of done that are inside; guarded by the lock of all calls
};

// Makes the calls of one thread. Not thread safe: each thread has its own object.
class AsyncCaller {
 public:
  AsyncCaller(const Processor& processor, AsyncCalls& calls, Ring& ring, uint32_t worker, uint32_t thread);

  // Gives the processor a claimed request, for which AwaitPlace was called; completes it if the processor
  // refuses it. Exits by abi::__forced_unwind if the processor ends its thread; the request is complete then.
  EAS_CATCHES_FORCED_UNWIND void Run(const eas_call& call);

 private:
  const Processor& processor_;
  AsyncCalls& calls_;
  Ring& ring_;
  const uint32_t thread_;
  Replier replier_;
};

}  // namespace eas

#endif  // EAS_NATIVE_ASYNC_CALLS_H_
