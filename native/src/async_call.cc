#include "async_call.h"

#include <algorithm>
#include <cstring>

#include "log.h"
#include "parts.h"
#include "replier.h"
#include "thread_context.h"
#include "worker.h"

namespace eas {
namespace {

// How long done waits at once for a slow client. An event ends it earlier, so this is for an event that a
// processor has overwritten.
constexpr int kWaitMilliseconds = 1000;

// So much of an error text gets into the log.
constexpr size_t kMaxText = 500;

// Says for the crash handler that this thread answers `call` with `output`, as long as this lives.
class Answering {
 public:
  Answering(const eas_call& call, const char* output) {
    this_thread.answered_slot = call.slot;
    this_thread.answered_sequence = call.sequence;
    this_thread.output = output;
    this_thread.answers = true;
  }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() {
    this_thread.answers = false;
    this_thread.output = nullptr;
  }
};

}  // namespace

AsyncCall::AsyncCall(Ring& ring, uint32_t worker, uint32_t thread, const eas_call& call)
    : ring_(ring), worker_(worker), call_(call), thread_(thread) {
  if (call.input_size > kCopyLimit) {
    view_.emplace(ring, call.slot, call.input_size);
    return;
  }
  copy_.reset(new char[call.input_size + 1]);
  std::memcpy(copy_.get(), call.input, call.input_size);
  copy_[call.input_size] = '\0';
}

bool AsyncCall::Answer(const char* output, int output_size, bool finished, int status) {
  const std::lock_guard<std::mutex> turn(turn_);
  if (output_size < 0)
    return Fail(EAS_BAD_OUTPUT, "done was given a negative output size: " + std::to_string(output_size));
  if (output == nullptr && output_size > 0)
    return Fail(EAS_BAD_OUTPUT,
                "done was given no output but an output size of " + std::to_string(output_size));
  const Answering answering(call_, output);
  const auto size = static_cast<size_t>(output_size);
  if (finished) return End(output, size, status);
  in_parts_ = true;
  SendPart(output, size, status);
  return false;
}

// The answer to a request that is answered in parts ends with its last part. A status that says that it could
// not be completed comes too late for the client: its connection is cut.
bool AsyncCall::End(const char* output, size_t size, int status) {
  if (!in_parts_) return Complete(EAS_RETURNED, status, output, size);
  if (!IsSuccess(status)) {
    const std::string text = size == 0 ? "" : ": " + std::string(output, std::min(size, kMaxText));
    return Fail(EAS_RAISED, "done ended an answer in parts with the error " + std::to_string(status) + text);
  }
  if (size > 0) SendPart(output, size, status);
  return Complete(EAS_PARTS, status, nullptr, 0);
}

// Returns whether all of it was sent: somebody waits for it.
bool AsyncCall::SendPart(const char* data, size_t size, int status) {
  while (!ring_.stopping.load(std::memory_order_acquire)) {
    const uint32_t seen = eas_worker_events(&ring_, worker_);
    size_t sent = 0;
    int result = EAS_PART_CLOSED;
    {
      const std::lock_guard<std::mutex> held(held_);
      if (!complete_)
        result = eas_worker_send_part(&ring_, worker_, thread_, &call_, status, data, size, &sent);
    }
    if (result != EAS_PART_FULL) return result == EAS_PART_SENT;
    data += sent;
    size -= sent;
    PrepareToWait(ring_, worker_);
    eas_worker_wait_for_event(&ring_, worker_, seen, kWaitMilliseconds);
  }
  return false;
}

bool AsyncCall::Fail(int outcome, const std::string& problem) {
  if (!Complete(outcome, 0, problem.data(), problem.size())) return false;
  Log('E', problem);
  return true;
}

// The request may be completed without the lock: nobody but who has set complete_ touches it afterwards.
bool AsyncCall::Complete(int outcome, int status, const char* data, size_t size) {
  if (!Close()) return false;
  if (outcome == EAS_PARTS) {
    eas_worker_end_parts(&ring_, worker_, thread_, &call_, status);
  } else {
    Reply(ring_, worker_, thread_, call_, outcome, status, data, size);
  }
  return true;
}

void AsyncCall::Detach() {
  const std::lock_guard<std::mutex> held(held_);
  if (complete_) return;
  eas_worker_detach(&ring_, worker_, thread_, &call_);
  thread_ = EAS_DETACHED;
}

bool AsyncCall::IsAbandoned() {
  const std::lock_guard<std::mutex> held(held_);
  return !complete_ && thread_ == EAS_DETACHED && eas_worker_is_abandoned(&ring_, &call_) != 0;
}

bool AsyncCall::Close() {
  const std::lock_guard<std::mutex> held(held_);
  const bool was_open = !complete_;
  complete_ = true;
  return was_open;
}

}  // namespace eas
