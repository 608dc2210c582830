#include "batch_call.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <unordered_set>

#include "log.h"
#include "worker.h"

namespace eas {
namespace {

// Where the next input begins: as malloc aligns, since processors read numbers from inputs.
constexpr uint64_t kAlignment = alignof(std::max_align_t);

// So much memory for copies each thread keeps for its next batch.
constexpr uint64_t kKeptCopies = 4 << 20;

std::string RunAgain(size_t count) {
  return "; its " + std::to_string(count) + " requests run again, each by itself, in process";
}

constexpr uint64_t Aligned(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

BatchCaller::BatchCaller(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread,
                         BatchRule& rule)
    : processor_(processor),
      ring_(ring),
      rule_(rule),
      single_(processor, ring, worker, thread),
      replier_(processor, ring, worker, thread, "batch_process") {}

void BatchCaller::Run(std::vector<eas_call>* calls) {
  if (!CopyInputs(*calls)) return RunSingly(calls);  // which says why
  const GuardedResult outcome = Call(calls);
  const int status = static_cast<int>(outcome.value);
  const bool single = calls->size() == 1;
  if (outcome.returned) FindWrongOutputs();
  if (outcome.returned && (IsSuccess(status) || single)) {
    ReplyOutputs(*calls, status);
  } else if (single) {
    replier_.ReplyThrown(calls->front(), outcome.thrown);
  } else {
    LogFailure(calls->size(), outcome);
    if (outcome.returned) DiscardOutputs(*calls);
    ForgetInputs();
    return RunSingly(calls);
  }
  ForgetInputs();
  calls->clear();
}

void BatchCaller::RunSingly(std::vector<eas_call>* calls) {
  while (!calls->empty()) {
    const eas_call call = calls->front();
    calls->erase(calls->begin());
    single_.Run(call);
  }
}

GuardedResult BatchCaller::Call(std::vector<eas_call>* calls) {
  outputs_.assign(calls->size() + 1, nullptr);  // one more, like the inputs
  output_sizes_.assign(calls->size() + 1, 0);
  submitted_.clear();
  for (const eas_call& call : *calls)
    submitted_.push_back(ring_.controls[call.slot].submitted.load(std::memory_order_relaxed));
  const uint64_t begin = Now();
  const size_t level = rule_.Started(submitted_, begin);
  try {
    GuardedResult outcome = CallGuarded(processor_.batch_process, processor_.model, inputs_.data(),
                                        input_sizes_.data(), outputs_.data(), output_sizes_.data());
    const bool done = outcome.returned && IsSuccess(static_cast<int>(outcome.value));
    rule_.Ended(level, done ? calls->size() : 0, Now() - begin);
    return outcome;
  } catch (const abi::__forced_unwind&) {
    rule_.Ended(level, 0, 0);
    if (calls->size() == 1) {
      replier_.ReplyEndedThread(calls->front());
      calls->clear();
    } else {
      Log('W', "batch_process ended its thread (pthread_exit)" + RunAgain(calls->size()));
    }
    throw;
  }
}

// False if a body cannot be mapped.
bool BatchCaller::CopyInputs(const std::vector<eas_call>& calls) {
  uint64_t size = 0;
  for (const eas_call& call : calls) {
    if (call.input_size <= kCopyLimit) size += Aligned(call.input_size + 1);
  }
  // Behind the beginning of the block, so that no input is a pointer that could be freed.
  size += kAlignment;
  if (size > copies_size_) {
    copies_.reset(new char[size]);
    copies_size_ = size;
  }
  inputs_.clear();
  input_sizes_.clear();
  char* next = copies_.get() + kAlignment;
  for (const eas_call& call : calls) {
    input_sizes_.push_back(static_cast<int>(call.input_size));
    if (call.input_size > kCopyLimit) {
      views_.emplace_back(ring_, call.slot, call.input_size);
      inputs_.push_back(views_.back().base());
      if (inputs_.back() == nullptr) {
        ForgetInputs();
        return false;
      }
      continue;
    }
    std::memcpy(next, call.input, call.input_size);
    next[call.input_size] = '\0';
    inputs_.push_back(next);
    next += Aligned(call.input_size + 1);
  }
  inputs_.push_back(nullptr);  // as DeepRec's processor expects (docs/eas-compatibility.md, section 1.1)
  input_sizes_.push_back(0);
  return true;
}

// Gives back what only large batches need.
void BatchCaller::ForgetInputs() {
  views_.clear();
  if (copies_size_ <= kKeptCopies) return;
  copies_.reset();
  copies_size_ = 0;
}

void BatchCaller::ReplyOutputs(const std::vector<eas_call>& calls, int status) {
  BeginReports();
  for (size_t i = 0; i < calls.size(); ++i) {
    if (wrong_[i] != nullptr) {
      replier_.ReplyBadOutput(calls[i], wrong_[i]);
    } else {
      replier_.ReplyOutput(calls[i], status, inputs_[i], outputs_[i], output_sizes_[i]);
    }
  }
  EndReports(ring_);
}

void BatchCaller::DiscardOutputs(const std::vector<eas_call>& calls) {
  for (size_t i = 0; i < calls.size(); ++i) {
    if (wrong_[i] == nullptr) replier_.Discard(calls[i], inputs_[i], outputs_[i], output_sizes_[i]);
  }
}

// Finds what OutputCheck cannot see, which looks at one output and its own input.
void BatchCaller::FindWrongOutputs() {
  wrong_.assign(outputs_.size(), nullptr);
  std::unordered_set<void*> seen;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i] == nullptr) continue;
    if (IsOurs(outputs_[i])) {
      wrong_[i] =
          "batch_process returned a pointer into an input, or into the host's own arrays; allocate "
          "each output with malloc";
    } else if (!seen.insert(outputs_[i]).second) {
      wrong_[i] =
          "batch_process has put the same block into the outputs of two requests; each needs a block of "
          "its own";
    }
  }
}

// Whether it lies in what the processor was given, which no output may.
bool BatchCaller::IsOurs(const void* output) const {
  const auto at = reinterpret_cast<uintptr_t>(output);
  const auto lies_in = [at](const void* begin, size_t size) {
    const auto from = reinterpret_cast<uintptr_t>(begin);
    return at >= from && at - from < size;
  };
  const size_t places = outputs_.size();
  if (lies_in(copies_.get(), copies_size_) || lies_in(inputs_.data(), places * sizeof(void*)) ||
      lies_in(outputs_.data(), places * sizeof(void*)) ||
      lies_in(input_sizes_.data(), places * sizeof(int)) ||
      lies_in(output_sizes_.data(), places * sizeof(int)))
    return true;
  return std::any_of(views_.begin(), views_.end(),
                     [&lies_in](const PrivateView& view) { return lies_in(view.base(), view.size()); });
}

void BatchCaller::LogFailure(size_t count, const GuardedResult& outcome) {
  const std::string then = RunAgain(count);
  if (outcome.returned) {
    Log('W',
        "batch_process returned " + std::to_string(static_cast<int>(outcome.value)) + " for a batch" + then);
  } else {
    const Thrown& thrown = outcome.thrown;
    Log('W', "batch_process threw " + thrown.type + ": " + thrown.message + then + thrown.trace);
  }
}

}  // namespace eas
