// Where the threads of this process are that run a processor's code: while it is loaded, and in its calls.
//
// A thread can only walk its own stack. So it is interrupted by a signal, whose handler writes the addresses
// down; who asks waits for that, and describes them. That works while the thread loops or waits, unless it
// blocks all signals. A system call that sleeps may return early by it (EINTR), as by any signal.
#ifndef EAS_NATIVE_STACKS_H_
#define EAS_NATIVE_STACKS_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
// Describes the stacks of the threads that run requests of `worker`, or of the one that loads the processor.
// Of each a line with its name and a colon, and below it lines "  at FRAME", innermost first; at the end, in
// the same form, how many requests no thread has; "" if there is nothing. Whole threads that do not fit are
// left out. Takes up to 0.2 s for a thread that does not answer.
// [any thread that runs no processor]
void eas_stacks(eas_ring* ring, uint32_t worker, char* text, size_t text_size);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"

#include <sys/types.h>

#include <string>

#include "ring.h"

namespace eas {

// See eas_stacks.
std::string DescribeStacks(const Ring& ring, uint32_t worker);

// Notes that the calling thread takes requests as number `thread` of its worker.
void NoteThread(uint32_t thread);

// Says that the calling thread loads the processor, as long as this lives.
class LoadingThread {
 public:
  LoadingThread();
  LoadingThread(const LoadingThread&) = delete;
  LoadingThread& operator=(const LoadingThread&) = delete;
  ~LoadingThread();
};

}  // namespace eas
#endif

#endif  // EAS_NATIVE_STACKS_H_
