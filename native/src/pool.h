// The threads of a cpp worker: each takes, calls and completes, and never touches Python.
//
// They are detached and counted. A processor may end its own thread, which nobody may stop, so another one
// takes its place; with joinable threads it would take somebody who joins the dead one while the processor
// goes on ending them.
#ifndef EAS_NATIVE_POOL_H_
#define EAS_NATIVE_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "barrier.h"
#include "loader.h"
#include "ring.h"

namespace eas {

class Pool {
 public:
  // Starts the threads. REQUIRES: processor and ring outlive the pool.
  Pool(const Processor& processor, Ring& ring, uint32_t worker, uint32_t threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Waits until no thread runs the processor any more. REQUIRES: Stop(ring) was called.
  ~Pool();

 private:
  struct Member;

  EAS_CATCHES_FORCED_UNWIND static void* Main(void* member);
  void Loop(uint32_t thread);
  void Start(uint32_t thread);
  void End();

  const Processor& processor_;
  Ring& ring_;
  const uint32_t worker_;
  std::mutex mutex_;
  std::condition_variable ended_;
  uint32_t running_ = 0;  // guarded by mutex_
};

}  // namespace eas

#endif  // EAS_NATIVE_POOL_H_
