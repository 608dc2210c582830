#include "thread_pool.h"

#include <cxxabi.h>
#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "batch_call.h"
#include "call.h"
#include "crash.h"
#include "log.h"
#include "parts.h"
#include "stacks.h"
#include "worker.h"
#include "working_directory.h"

namespace eas {

struct ThreadPool::Member {
  ThreadPool* pool;
  uint32_t thread;
};

void Announce(const Processor& processor, Ring& ring, uint32_t worker, uint32_t max_in_flight) {
  const eas_batching batching = ReadBatching(ring);
  if (processor.async_process != nullptr) {
    eas_worker_set_max_in_flight(&ring, worker, max_in_flight);
  } else if (batching.mode != EAS_BATCHING_OFF && processor.batch_process != nullptr) {
    const auto size = static_cast<uint32_t>(BatchRule(batching).batching().max_size);
    ring.workers[worker].batch_size.store(size, std::memory_order_relaxed);
  }
}

ThreadPool::ThreadPool(const Processor& processor, Ring& ring, uint32_t worker, uint32_t threads,
                       uint32_t max_in_flight)
    : processor_(processor), ring_(ring), worker_(worker), canceller_(threads) {
  RememberWorkingDirectory();
  Announce(processor, ring, worker, max_in_flight);
  const eas_batching batching = ReadBatching(ring);
  const bool batches = batching.mode != EAS_BATCHING_OFF;
  if (processor.async_process != nullptr) {
    async_ = std::make_unique<AsyncCalls>(ring, worker, max_in_flight);
    if (batches) Log('W', "batching has no effect: the library exports async_process, which goes first");
  } else if (batches && processor.batch_process != nullptr) {
    rule_ = std::make_unique<BatchRule>(batching);
    batches_.resize(threads);
  } else if (batches) {
    Log('W', "batching has no effect: the library exports no batch_process");
  }
  // No thread takes a request before all are there: one that cannot be started ends the process.
  const std::lock_guard<std::mutex> lock(mutex_);
  for (uint32_t thread = 0; thread < threads; ++thread) Start(thread);
  if (processor.async_cancel == nullptr) return;
  if (async_ != nullptr) {
    Start(canceller_);
  } else {
    Log('W', "eas_async_cancel has no effect: the library exports no async_process");
  }
}

ThreadPool::~ThreadPool() {
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void* ThreadPool::Main(void* argument) {
  const std::unique_ptr<Member> member(static_cast<Member*>(argument));
  ThreadPool& pool = *member->pool;
  try {
    pool.Loop(member->thread);
  } catch (const abi::__forced_unwind&) {
    // The processor called pthread_exit.
    LeaveThread(pool.ring_, pool.worker_);
    {
      const std::lock_guard<std::mutex> lock(pool.mutex_);
      pool.Start(member->thread);
    }
    pool.End();
    throw;
  }
  pool.End();
  return nullptr;
}

void ThreadPool::Loop(uint32_t thread) {
  std::unique_lock<std::mutex>(mutex_).unlock();  // waits for the constructor
  if (thread == canceller_) return CancelLoop();
  pthread_setname_np(pthread_self(), ("eas-" + std::to_string(thread)).c_str());
  EnterThread(worker_, thread);
  NoteThread(thread);
  TakeAtOnce();
  if (async_ != nullptr) return AsyncLoop(thread);
  if (rule_ != nullptr) return BatchLoop(thread);
  Caller caller(processor_, ring_, worker_, thread);
  eas_call call;
  while (Take(ring_, worker_, thread, &call)) caller.Run(call);
}

void ThreadPool::AsyncLoop(uint32_t thread) {
  AsyncCaller caller(processor_, *async_, ring_, worker_, thread);
  eas_call call;
  while (async_->AwaitPlace()) {
    if (Take(ring_, worker_, thread, &call) != EAS_TAKEN) return async_->FreePlace();
    caller.Run(call);
  }
}

void ThreadPool::CancelLoop() {
  pthread_setname_np(pthread_self(), "eas-cancel");
  async_->TellAbandoned(processor_);
}

void ThreadPool::BatchLoop(uint32_t thread) {
  BatchCaller caller(processor_, ring_, worker_, thread, *rule_);
  std::vector<eas_call>& calls = batches_[thread];
  bool alone = true;
  do {
    if (alone) {
      caller.RunSingly(&calls);
    } else {
      caller.Run(&calls);
    }
  } while (TakeBatch(ring_, worker_, thread, *rule_, &calls, &alone) == EAS_TAKEN);
}

// With the lock held.
void ThreadPool::Start(uint32_t thread) {
  auto member = std::make_unique<Member>(Member{this, thread});
  ++running_;
  pthread_t started;
  const int failure = pthread_create(&started, nullptr, &ThreadPool::Main, member.get());
  if (failure == 0) {
    member.release();
    pthread_detach(started);
    return;
  }
  // A worker with too few threads would be hard to diagnose; one that dies tells its reason.
  Log('E', std::string("a worker thread cannot be started: ") + std::strerror(failure));
  std::abort();
}

// The last step of a thread that uses the pool.
void ThreadPool::End() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  ended_.notify_all();  // with the lock held: afterwards the pool may be destroyed
}

}  // namespace eas
