// One call of a cpp processor's `async_process`: its input, and what the processor's calls of `done` make of
// its request.
//
// Strategy: the thread that takes a request holds it until async_process returns, so that a crash in there is
// attributed to it. Then no thread has it (EAS_DETACHED), and a call of done completes it, on any thread.
//
// The request stays with the worker until the last done, also when nobody waits for its answer any more: the
// processor may still read the input, and only done says that it does not. So a call that is never done keeps
// its place among those of --max-in-flight, and the front sees it, as it sees a call that hangs.
//
// Two locks. `turn_` puts the calls of done into an order, so that parts are never mixed, and is held while a
// slow client is waited for. `held_` says who has the request, and is held for no longer than a copy.
#ifndef EAS_NATIVE_ASYNC_CALL_H_
#define EAS_NATIVE_ASYNC_CALL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "private_view.h"
#include "ring.h"

namespace eas {

class AsyncCall {
 public:
  // Takes over `call`, which `thread` has taken.
  AsyncCall(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call);

  // A copy of the body, with a NUL byte behind it, valid as long as this. Null: it cannot be mapped.
  const void* input() const { return view_ ? view_->base() : copy_.get(); }

  // What a call of done gives: a part of the answer, or the whole or last one. Returns whether the request is
  // complete by it. Waits for a slow client.
  // [any thread]
  bool Answer(const char* output, int output_size, bool finished, int status);

  // Takes the request from its thread, after async_process.
  void Detach();

  // Whether async_process has returned, the last done is still to come, and nobody waits for the answer.
  bool IsAbandoned();

  // From here on done does nothing to the request, and the thread that has it completes it. False: it is
  // complete.
  bool Close();

 private:
  bool SendPart(const char* data, size_t size, int status);
  bool End(const char* output, size_t size, int status);
  bool Fail(int outcome, const std::string& problem);
  bool Complete(int outcome, int status, const char* data, size_t size);

  Ring& ring_;
  const uint32_t worker_;
  const eas_call call_;
  std::unique_ptr<char[]> copy_;
  std::optional<PrivateView> view_;  // of an input that is too large for a copy
  std::mutex turn_;
  bool in_parts_ = false;  // guarded by turn_
  std::mutex held_;
  uint32_t thread_;        // that has it; guarded by held_
  bool complete_ = false;  // or about to be completed; guarded by held_
};

}  // namespace eas

#endif  // EAS_NATIVE_ASYNC_CALL_H_
