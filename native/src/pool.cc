#include "pool.h"

#include <cxxabi.h>
#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "call.h"
#include "crash.h"
#include "identity.h"
#include "log.h"
#include "worker.h"

namespace eas {

struct Pool::Member {
  Pool* pool;
  uint32_t thread;
};

Pool::Pool(const Processor& processor, Ring& ring, uint32_t worker, uint32_t threads)
    : processor_(processor), ring_(ring), worker_(worker) {
  for (uint32_t thread = 0; thread < threads; ++thread) Start(thread);
}

Pool::~Pool() {
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });
}

void* Pool::Main(void* argument) {
  const std::unique_ptr<Member> member(static_cast<Member*>(argument));
  Pool& pool = *member->pool;
  try {
    pool.Loop(member->thread);
  } catch (const abi::__forced_unwind&) {
    // The processor called pthread_exit.
    Leave(pool.ring_, pool.worker_);
    pool.Start(member->thread);
    pool.End();
    throw;
  }
  pool.End();
  return nullptr;
}

void Pool::Loop(uint32_t thread) {
  pthread_setname_np(pthread_self(), ("eas-" + std::to_string(thread)).c_str());
  EnterThread(worker_, thread);
  this_thread.prompt = true;
  Caller caller(processor_, ring_, worker_, thread);
  eas_call call;
  while (Take(ring_, worker_, thread, &call)) caller.Run(call);
}

void Pool::Start(uint32_t thread) {
  auto member = std::make_unique<Member>(Member{this, thread});
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++running_;
  }
  pthread_t started;
  const int failure = pthread_create(&started, nullptr, &Pool::Main, member.get());
  if (failure == 0) {
    member.release();
    pthread_detach(started);
    return;
  }
  // A worker with fewer threads than it was asked for would be a riddle; one that dies with a reason is none.
  Log('E', std::string("a worker thread cannot be started: ") + std::strerror(failure));
  std::abort();
}

// The last thing that a thread does with the pool.
void Pool::End() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  ended_.notify_all();  // under the lock: without it the pool could be gone by now
}

}  // namespace eas
