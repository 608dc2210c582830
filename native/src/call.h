// One call of a cpp processor's `process`: gives it an input that it may overwrite.
#ifndef EAS_NATIVE_CALL_H_
#define EAS_NATIVE_CALL_H_

#include <cstdint>
#include <memory>

#include "exception_guard.h"
#include "loader.h"
#include "replier.h"
#include "ring.h"

namespace eas {

// Makes the calls of one thread. Not thread safe: each thread has its own object.
class Caller {
 public:
  Caller(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread);

  // Runs the processor on a claimed request and completes it, whatever the processor does, unless the process
  // dies. Exits by abi::__forced_unwind if the processor ends its thread; the request is completed then, too.
  EAS_CATCHES_FORCED_UNWIND void Run(const eas_call& call);

 private:
  const char* CopyInput(const eas_call& call);
  void Process(const eas_call& call, const void* input);

  const Processor& processor_;
  Ring& ring_;
  Replier replier_;
  std::unique_ptr<char[]> copy_;  // as large as the largest body that was copied
  uint64_t copy_size_ = 0;
};

}  // namespace eas

#endif  // EAS_NATIVE_CALL_H_
