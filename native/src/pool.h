// The threads of a cpp worker: each takes, calls and completes, and never touches Python.
#ifndef EAS_NATIVE_POOL_H_
#define EAS_NATIVE_POOL_H_

#include <pthread.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "loader.h"
#include "ring.h"

namespace eas {

class Pool {
 public:
  // Starts the threads. REQUIRES: processor and ring outlive the pool.
  Pool(const Processor& processor, Ring& ring, uint32_t worker, uint32_t threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Waits for all threads to end. REQUIRES: Stop(ring) was called.
  ~Pool();

 private:
  struct Member;

  static void* Main(void* member);
  void Loop(uint32_t thread);
  void Start(uint32_t thread);
  void Replace(uint32_t thread);

  const Processor& processor_;
  Ring& ring_;
  const uint32_t worker_;
  std::mutex mutex_;  // guards threads_
  std::vector<pthread_t> threads_;
};

}  // namespace eas

#endif  // EAS_NATIVE_POOL_H_
