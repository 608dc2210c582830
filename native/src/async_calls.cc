#include "async_calls.h"

#include <cxxabi.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "log.h"
#include "parts.h"
#include "worker.h"
#include "working_directory.h"

namespace eas {
namespace {

// Between two lines about calls of done that mean no request.
constexpr uint64_t kUnknownPause = 10'000'000'000;  // nanoseconds

struct UnderWay {
  std::shared_ptr<AsyncCall> call;
  AsyncCalls* owner;
  bool told = false;  // the processor, that nobody waits for its answer
};

// Those of this process. It is never destroyed: a thread of the processor may call done while the process
// ends.
struct AllCalls {
  std::mutex mutex;
  std::unordered_map<int64_t, UnderWay> by_id;
  int64_t last_id = 0;
  std::condition_variable answered;              // a call of done has left
  std::vector<std::shared_ptr<AsyncCall>> left;  // whose workers have ended, and which the processor may read
  uint64_t unknown = 0;                          // calls of done that mean no request, since the last line
  uint64_t unknown_logged = 0;                   // when that was
};

AllCalls& All() {
  static auto* const all = new AllCalls;
  return *all;
}

// REQUIRES: the lock of all calls is held.
std::string NoteUnknown(AllCalls& all, int64_t request_id) {
  ++all.unknown;
  const uint64_t now = Now();
  if (all.unknown_logged != 0 && now - all.unknown_logged < kUnknownPause) return "";
  const std::string more =
      all.unknown > 1 ? " (" + std::to_string(all.unknown) + " such calls since then)" : "";
  all.unknown = 0;
  all.unknown_logged = now;
  const bool was_one = request_id > 0 && request_id <= all.last_id;
  return "done was called for request_id " + std::to_string(request_id) +
         (was_one ? ", which has had its last answer already" : ", which async_process was never given") +
         ": nobody gets that answer" + more;
}

}  // namespace

AsyncCalls::~AsyncCalls() {
  AllCalls& all = All();
  std::unique_lock<std::mutex> lock(all.mutex);
  for (auto at = all.by_id.begin(); at != all.by_id.end();) {
    if (at->second.owner != this) {
      ++at;
      continue;
    }
    all.left.push_back(std::move(at->second.call));
    at = all.by_id.erase(at);
  }
  all.answered.wait(lock, [this] { return answering_ == 0; });
}

bool AsyncCalls::TryPlace() {
  uint32_t places = places_.load(std::memory_order_seq_cst);
  while (places > 0) {
    if (places_.compare_exchange_weak(places, places - 1, std::memory_order_seq_cst)) return true;
  }
  return false;
}

// Sequentially consistent, as FreePlace: either this thread sees the place, or that one sees that it waits.
bool AsyncCalls::AwaitPlace() {
  if (TryPlace()) return true;
  PrepareToWait(ring_, worker_);
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  bool found;
  for (;;) {
    const uint32_t seen = eas_worker_events(&ring_, worker_);
    found = TryPlace();
    if (found || ring_.stopping.load(std::memory_order_acquire)) break;
    eas_worker_wait_for_event(&ring_, worker_, seen, -1);
  }
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  return found;
}

void AsyncCalls::FreePlace() {
  places_.fetch_add(1, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) > 0) TellEvent(ring_, worker_);
}

std::shared_ptr<AsyncCall> AsyncCalls::Begin(uint32_t thread, const eas_call& call, int64_t* request_id) {
  auto begun = std::make_shared<AsyncCall>(ring_, worker_, thread, call);
  AllCalls& all = All();
  const std::lock_guard<std::mutex> lock(all.mutex);
  *request_id = ++all.last_id;
  all.by_id.emplace(*request_id, UnderWay{begun, this, false});
  return begun;
}

void AsyncCalls::End(int64_t request_id) {
  AllCalls& all = All();
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.by_id.erase(request_id);
  }
  FreePlace();
}

// The number of a call that the processor is to be told of, which counts as told from here on; 0 if there is
// none.
int64_t AsyncCalls::TakeAbandoned() {
  AllCalls& all = All();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (auto& [request_id, under_way] : all.by_id) {
    if (under_way.owner != this || under_way.told || !under_way.call->IsAbandoned()) continue;
    under_way.told = true;
    return request_id;
  }
  return 0;
}

void AsyncCalls::TellAbandoned(const Processor& processor) {
  while (!ring_.stopping.load(std::memory_order_acquire)) {
    const uint32_t seen = eas_worker_events(&ring_, worker_);
    while (const int64_t id = TakeAbandoned()) {
      const GuardedResult outcome = CallGuarded(processor.async_cancel, processor.model, id);
      if (!outcome.returned)
        Log('E', "eas_async_cancel threw " + outcome.thrown.type + ": " + outcome.thrown.message +
                     outcome.thrown.trace);
    }
    eas_worker_wait_for_event(&ring_, worker_, seen, -1);
  }
}

void AsyncCalls::Done(const char* output, int output_size, int64_t request_id, int finished, int error_code) {
  AllCalls& all = All();
  std::shared_ptr<AsyncCall> call;
  AsyncCalls* owner = nullptr;
  std::string unknown;
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto found = all.by_id.find(request_id);
    if (found == all.by_id.end()) {
      unknown = NoteUnknown(all, request_id);
    } else {
      call = found->second.call;
      owner = found->second.owner;
      ++owner->answering_;
    }
  }
  if (call == nullptr) {
    if (!unknown.empty()) Log('W', unknown);
    return;
  }
  if (call->Answer(output, output_size, finished != 0, error_code)) owner->End(request_id);
  const std::lock_guard<std::mutex> lock(all.mutex);
  --owner->answering_;
  all.answered.notify_all();  // with the lock held: afterwards the owner may be destroyed
}

AsyncCaller::AsyncCaller(const Processor& processor, AsyncCalls& calls, Ring& ring, uint32_t worker,
                         uint32_t thread)
    : processor_(processor),
      calls_(calls),
      ring_(ring),
      thread_(thread),
      replier_(processor, ring, worker, thread, "async_process") {}

void AsyncCaller::Run(const eas_call& call) {
  int64_t id = 0;
  const std::shared_ptr<AsyncCall> begun = calls_.Begin(thread_, call, &id);
  if (begun->input() == nullptr) {
    begun->Close();
    replier_.ReplyError(call, EAS_BAD_OUTPUT, ErrnoText("the body cannot be mapped"));
    return calls_.End(id);
  }
  try {
    const GuardedResult outcome = CallGuarded(processor_.async_process, processor_.model, begun->input(),
                                              static_cast<int>(call.input_size), id, &AsyncCalls::Done);
    if (outcome.returned) {
      begun->Detach();
      // If nobody waits for it already, the event of that came too early.
      if (processor_.async_cancel != nullptr && begun->IsAbandoned()) TellEvent(ring_, calls_.worker());
      EndTurn(ring_, call);
    } else if (begun->Close()) {
      replier_.ReplyThrown(call, outcome.thrown);
      calls_.End(id);
    } else {
      Log('E', "async_process threw " + outcome.thrown.type +
                   " after the answer to its request: " + outcome.thrown.message + outcome.thrown.trace);
    }
  } catch (const abi::__forced_unwind&) {
    if (begun->Close()) {
      replier_.ReplyEndedThread(call);
      calls_.End(id);
    }
    throw;
  }
}

}  // namespace eas
