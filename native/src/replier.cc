#include "replier.h"

#include <algorithm>
#include <cstdlib>

#include "log.h"
#include "thread_context.h"
#include "worker.h"
#include "working_directory.h"

namespace eas {

Replier::Replier(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread,
                 const char* function)
    : processor_(processor),
      ring_(ring),
      worker_(worker),
      thread_(thread),
      function_(function),
      check_(processor.model) {}

// Not inlined: OutputCheck looks at what the function has left on this stack, below the frames of its
// callers, so these must be small.
__attribute__((noinline)) void Replier::NoteWrongSize(const void* output, int output_size,
                                                      std::string* problem) {
  if (output_size < 0) {
    *problem = function_ + " returned a negative output size: " + std::to_string(output_size);
  } else if (output == nullptr && output_size > 0) {
    *problem = function_ + " returned no output but an output size of " + std::to_string(output_size);
  }
}

// The output is freed before the request is complete: if the pointer cannot be freed, although the check has
// let it pass, the process dies here, and the crash is attributed to this request and its output.
void Replier::ReplyOutput(const eas_call& call, int status, const void* input, void* output,
                          int output_size) {
  const size_t size = output_size > 0 ? static_cast<size_t>(output_size) : 0;
  std::string problem;
  this_thread.output = output;
  if (output != nullptr && !check_.Check({output, size, input, call.input_size}, &problem)) {
    this_thread.output = nullptr;
    return ReplyBadOutput(call, problem);
  }
  NoteWrongSize(output, output_size, &problem);
  if (output != nullptr && output_size == 0) NoteMissingSize(status, static_cast<const char*>(output));
  Result result{};
  if (problem.empty())
    result = StageOutput(ring_, call.slot, EAS_RETURNED, status, static_cast<const char*>(output), size);
  std::free(output);
  this_thread.output = nullptr;
  if (!problem.empty()) return ReplyError(call, EAS_BAD_OUTPUT, problem);
  Complete(ring_, worker_, thread_, call, result.outcome, result.status, result.size);
}

// The pointer that the function has put into its output is not freed: it may have been freed while unwinding.
void Replier::ReplyThrown(const eas_call& call, const Thrown& thrown) {
  Log('E',
      function_ + " threw " + thrown.type + ": " + thrown.message + WorkingDirectoryChange() + thrown.trace);
  ReplyRaised(ring_, worker_, thread_, call, thrown.message, thrown.trace);
}

void Replier::ReplyBadOutput(const eas_call& call, const std::string& problem) {
  Log('E', problem);
  Reply(ring_, worker_, thread_, call, EAS_BAD_OUTPUT, 0, problem.data(),
        std::min(problem.find('\n'), problem.size()));
}

void Replier::ReplyError(const eas_call& call, int outcome, const std::string& message) {
  Log('E', message);
  Reply(ring_, worker_, thread_, call, outcome, 0, message.data(), message.size());
}

void Replier::ReplyEndedThread(const eas_call& call) {
  ReplyError(call, EAS_RAISED, "the processor ended its thread (pthread_exit)");
}

void Replier::Discard(const eas_call& call, const void* input, void* output, int output_size) {
  if (output == nullptr) return;
  const size_t size = output_size > 0 ? static_cast<size_t>(output_size) : 0;
  std::string problem;
  this_thread.output = output;
  if (check_.Check({output, size, input, call.input_size}, &problem)) {
    std::free(output);
  } else {
    Log('E', problem);
  }
  this_thread.output = nullptr;
}

// Says once that an output without a size is not answered: a size that was forgotten is 0. A text that is
// empty may well have the size 0.
__attribute__((noinline)) void Replier::NoteMissingSize(int status, const char* output) {
  if (!IsSuccess(status) || *output == '\0' || processor_.size_missed.test_and_set()) return;
  Log('W', function_ + " returned " + std::to_string(status) +
               " and set no output_size, or 0, though there is a text at *output_data: the answer is empty");
}

}  // namespace eas
