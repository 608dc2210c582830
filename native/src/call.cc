#include "call.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstring>

#include "private_view.h"
#include "worker.h"

namespace eas {

Caller::Caller(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread)
    : processor_(processor), ring_(ring), replier_(processor, ring, worker, thread, "process") {}

void Caller::Run(const eas_call& call) {
  try {
    if (call.input_size > kCopyLimit) {
      const PrivateView view(ring_, call.slot, call.input_size);
      if (view.base() != nullptr) return Process(call, view.base());
      return replier_.ReplyError(call, EAS_BAD_OUTPUT, ErrnoText("the body cannot be mapped"));
    }
    Process(call, CopyInput(call));
  } catch (const abi::__forced_unwind&) {
    replier_.ReplyEndedThread(call);
    throw;
  }
}

const char* Caller::CopyInput(const eas_call& call) {
  if (call.input_size >= copy_size_) {
    copy_size_ = std::max<uint64_t>(2 * call.input_size, 4096);
    copy_.reset(new char[copy_size_]);
  }
  std::memcpy(copy_.get(), call.input, call.input_size);
  copy_[call.input_size] = '\0';
  return copy_.get();
}

void Caller::Process(const eas_call& call, const void* input) {
  void* output = nullptr;
  int output_size = 0;
  const GuardedResult outcome = CallGuarded(processor_.process, processor_.model, input,
                                            static_cast<int>(call.input_size), &output, &output_size);
  if (!outcome.returned) return replier_.ReplyThrown(call, outcome.thrown);
  replier_.ReplyOutput(call, static_cast<int>(outcome.value), input, output, output_size);
}

}  // namespace eas
