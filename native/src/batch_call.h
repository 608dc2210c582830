// One call of a cpp processor's `batch_process`: gives it the inputs of several requests, and each request
// its own answer.
#ifndef EAS_NATIVE_BATCH_CALL_H_
#define EAS_NATIVE_BATCH_CALL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "batch_rule.h"
#include "call.h"
#include "exception_guard.h"
#include "loader.h"
#include "private_view.h"
#include "replier.h"
#include "ring.h"

namespace eas {

// Makes the calls of one thread. Not thread safe: each thread has its own object.
class BatchCaller {
 public:
  BatchCaller(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread, BatchRule& rule);

  // Runs the processor on claimed requests and completes them, unless the process dies. If the call fails for
  // several, each runs again through `process`, so that one bad input costs one answer. Removes from *calls
  // what is complete. Exits by abi::__forced_unwind if the processor ends its thread: what is left in *calls
  // then did not end it, unless all of them were in that call, and is for RunSingly on another thread.
  void Run(std::vector<eas_call>* calls);

  // Runs the processor on each of the requests by itself, in their order, and removes it from *calls.
  void RunSingly(std::vector<eas_call>* calls);

 private:
  EAS_CATCHES_FORCED_UNWIND GuardedResult Call(std::vector<eas_call>* calls);
  bool CopyInputs(const std::vector<eas_call>& calls);
  void ForgetInputs();
  void DiscardOutputs(const std::vector<eas_call>& calls);
  void ReplyOutputs(const std::vector<eas_call>& calls, int status);
  void FindWrongOutputs();
  bool IsOurs(const void* output) const;
  void LogFailure(size_t count, const GuardedResult& outcome);

  const Processor& processor_;
  Ring& ring_;
  BatchRule& rule_;
  Caller single_;
  Replier replier_;
  std::unique_ptr<char[]> copies_;  // of the inputs, one behind the other
  uint64_t copies_size_ = 0;
  std::deque<PrivateView> views_;  // of inputs that are too large for that
  std::vector<const void*> inputs_;
  std::vector<int> input_sizes_;
  std::vector<void*> outputs_;
  std::vector<int> output_sizes_;
  std::vector<uint64_t> submitted_;  // when each request was
  std::vector<const char*> wrong_;   // what is wrong with an output that must not be freed; null: nothing
};

}  // namespace eas

#endif  // EAS_NATIVE_BATCH_CALL_H_
