#include "call.h"

#include <cxxabi.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "exception_guard.h"
#include "log.h"
#include "thread_context.h"
#include "worker.h"
#include "working_directory.h"

namespace eas {
namespace {

// Up to this size a body is copied before the call; a larger one is mapped copy-on-write during the call.
// Measured with a reader that touches each cache line, while another thread keeps the other core busy
// (unmapping must interrupt it): 64 KiB 1.8 us copied, 25 us mapped; 256 KiB 7 and 27; 1 MiB 38 and 60; 8 MiB
// 970 and 800.
constexpr uint64_t kCopyLimit = 1 << 20;

// A private view of a slot's input. The processor may write into it, and a second run after a crash still
// finds the bytes that the client sent. Each page that is written costs a copy of it, the others cost
// nothing.
class PrivateView {
 public:
  PrivateView(const Ring& ring, uint32_t slot, uint64_t size) : size_(size + 1) {
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, ring.memfd,
                      static_cast<off_t>(ring.layout.InputAt(slot)));
    if (base != MAP_FAILED) base_ = base;
  }
  PrivateView(const PrivateView&) = delete;
  PrivateView& operator=(const PrivateView&) = delete;
  ~PrivateView() {
    if (base_ != nullptr) munmap(base_, size_);
  }
  const void* base() const { return base_; }

 private:
  void* base_ = nullptr;
  size_t size_;
};

}  // namespace

Caller::Caller(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread)
    : processor_(processor), ring_(ring), worker_(worker), thread_(thread), check_(processor.model) {}

void Caller::Run(const eas_call& call) {
  try {
    if (call.input_size > kCopyLimit) {
      const PrivateView view(ring_, call.slot, call.input_size);
      if (view.base() != nullptr) return Process(call, view.base());
      return ReplyError(call, EAS_BAD_OUTPUT, ErrnoText("the body cannot be mapped"));
    }
    Process(call, CopyInput(call));
  } catch (const abi::__forced_unwind&) {
    ReplyError(call, EAS_RAISED, "the processor ended its thread (pthread_exit)");
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
  if (outcome.returned) return ReplyOutput(call, static_cast<int>(outcome.value), input, output, output_size);
  // The pointer that it has put into `output` is not freed: it may have been freed while unwinding.
  Log('E', "process threw " + outcome.thrown.type + ": " + outcome.thrown.message + WorkingDirectoryChange() +
               outcome.thrown.trace);
  ReplyRaised(ring_, worker_, thread_, call, outcome.thrown.message, outcome.thrown.trace);
}

// The output is freed before the request is complete: if the pointer cannot be freed, although the check has
// let it pass, the process dies here, and the crash is attributed to this request and its output.
void Caller::ReplyOutput(const eas_call& call, int status, const void* input, void* output, int output_size) {
  const size_t size = output_size > 0 ? static_cast<size_t>(output_size) : 0;
  std::string problem;
  this_thread.output = output;
  if (output != nullptr && !check_.Check({output, size, input, call.input_size}, &problem)) {
    this_thread.output = nullptr;
    return ReplyBadOutput(call, problem);
  }
  if (output_size < 0) {
    problem = "process returned a negative output size: " + std::to_string(output_size);
  } else if (output == nullptr && size > 0) {
    problem = "process returned no output but an output size of " + std::to_string(size);
  } else if (output != nullptr && size == 0) {
    NoteMissingSize(status, static_cast<const char*>(output));
  }
  Result result{};
  if (problem.empty())
    result = StageOutput(ring_, call.slot, EAS_RETURNED, status, static_cast<const char*>(output), size);
  std::free(output);
  this_thread.output = nullptr;
  if (!problem.empty()) return ReplyError(call, EAS_BAD_OUTPUT, problem);
  Complete(ring_, worker_, thread_, call, result.outcome, result.status, result.size);
}

// Says once that an output without a size is not answered: a size that was forgotten is 0. A text that is
// empty may well have the size 0.
void Caller::NoteMissingSize(int status, const char* output) {
  if ((status != 0 && status != 200) || *output == '\0' || processor_.size_missed.test_and_set()) return;
  Log('W', "process returned " + std::to_string(status) +
               " and set no output_size, or 0, though there is a text at *output_data: the answer is empty");
}

// The client gets the first line; the log gets the frames, too. What is no block of malloc's is not freed.
void Caller::ReplyBadOutput(const eas_call& call, const std::string& problem) {
  Log('E', problem);
  Reply(ring_, worker_, thread_, call, EAS_BAD_OUTPUT, 0, problem.data(),
        std::min(problem.find('\n'), problem.size()));
}

void Caller::ReplyError(const eas_call& call, int outcome, const std::string& message) {
  Log('E', message);
  Reply(ring_, worker_, thread_, call, outcome, 0, message.data(), message.size());
}

}  // namespace eas
