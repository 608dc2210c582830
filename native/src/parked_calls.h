// The calls of this process that wait until their clients have read. Each belongs to no thread meanwhile, so
// a client that reads slowly keeps no thread from other requests.
#ifndef EAS_NATIVE_PARKED_CALLS_H_
#define EAS_NATIVE_PARKED_CALLS_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "ring.h"

namespace eas {

class ParkedCalls {
 public:
  // Adds a call that is detached.
  void Add(const eas_call& call);

  // Gives `thread` a call that may go on. False if there is none.
  bool Resume(Ring& ring, uint32_t worker, uint32_t thread, eas_call* call);

  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  std::atomic<uint32_t> count_{0};  // so that a thread which takes requests need not lock
  std::mutex mutex_;
  std::vector<eas_call> calls_;
  bool changed_ = false;      // since no call of them could go on
  uint32_t events_seen_ = 0;  // the number of events then
};

}  // namespace eas

#endif  // EAS_NATIVE_PARKED_CALLS_H_
