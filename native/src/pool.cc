#include "pool.h"

#include <cxxabi.h>

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
    : processor_(processor), ring_(ring), worker_(worker), threads_(threads) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (uint32_t thread = 0; thread < threads; ++thread) Start(thread);
}

Pool::~Pool() {
  // One after the other, under the lock only to read: a thread that the processor ends puts another in its
  // place.
  for (size_t i = 0; i < threads_.size(); ++i) {
    for (bool last = false; !last;) {
      std::unique_lock<std::mutex> lock(mutex_);
      const pthread_t thread = threads_[i];
      lock.unlock();
      pthread_join(thread, nullptr);
      lock.lock();
      last = pthread_equal(thread, threads_[i]) != 0;
    }
  }
}

void* Pool::Main(void* argument) {
  const std::unique_ptr<Member> member(static_cast<Member*>(argument));
  Pool& pool = *member->pool;
  const uint32_t thread = member->thread;
  try {
    pool.Loop(thread);
  } catch (const abi::__forced_unwind&) {
    // The processor called pthread_exit. Nobody may stop that, so another thread takes over.
    Leave(pool.ring_, pool.worker_);
    pool.Replace(thread);
    throw;
  }
  return nullptr;
}

void Pool::Loop(uint32_t thread) {
  EnterThread(worker_, thread);
  this_thread.prompt = true;
  Caller caller(processor_, ring_, worker_, thread);
  eas_call call;
  while (Take(ring_, worker_, thread, &call)) caller.Run(call);
}

// REQUIRES: mutex_ is held.
void Pool::Start(uint32_t thread) {
  auto member = std::make_unique<Member>(Member{this, thread});
  const int failure = pthread_create(&threads_[thread], nullptr, &Pool::Main, member.get());
  if (failure == 0) {
    member.release();
    pthread_setname_np(threads_[thread], ("eas-" + std::to_string(thread)).c_str());
    return;
  }
  // A worker with fewer threads than it was asked for would be a riddle; one that dies with a reason is none.
  Log('E', std::string("a worker thread cannot be started: ") + std::strerror(failure));
  std::abort();
}

void Pool::Replace(uint32_t thread) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Start(thread);
}

}  // namespace eas
