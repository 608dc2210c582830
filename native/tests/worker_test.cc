#include "worker.h"

#include <climits>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "testing.h"
#include "thread_context.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::RingSize;
using testing::TestRing;

// Threads that take calls until they are stopped, and do `work` with each.
class Consumers {
 public:
  Consumers(const TestRing& ring, uint32_t worker, uint32_t threads,
            const std::function<void(uint32_t thread, const eas_call&)>& work)
      : ring_(ring) {
    for (uint32_t thread = 0; thread < threads; ++thread) {
      threads_.emplace_back([this, worker, thread, work] {
        eas_worker_enter(ring_, worker, thread);
        eas_call call;
        while (eas_worker_take(ring_, worker, thread, &call) == 1) work(thread, call);
      });
    }
  }
  ~Consumers() {
    eas_worker_stop(ring_);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  const TestRing& ring_;
  std::vector<std::thread> threads_;
};

// Lets threads pass when `count` of them have arrived.
class Gate {
 public:
  explicit Gate(int count) : missing_(count) {}
  void Pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (--missing_ == 0) changed_.notify_all();
    changed_.wait(lock, [this] { return missing_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int missing_;
};

TEST(Worker, ASleepingThreadIsWokenAndStopped) {
  const TestRing ring;
  const Consumers consumers(ring, 0, 3, [&ring](uint32_t thread, const eas_call& call) {
    ring.Reply(call, "echo " + std::string(call.input, call.input_size), 0, 0, thread);
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ("echo " + std::to_string(i), ring.Ask(std::to_string(i)).output);
}

TEST(Worker, AfterStopNothingIsTaken) {
  const TestRing ring;
  ring.Submit("x");
  eas_worker_stop(ring);
  eas_call call;
  EXPECT_EQ(0, eas_worker_take(ring, 0, 0, &call));
  EXPECT_EQ(1, eas_front_waiting(ring));
}

// The front wakes one thread. Each call goes on only when all of them run, so each thread must have woken the
// next one.
TEST(Worker, SlowCallsSpreadOverThreadsAfterOneWakeUp) {
  const TestRing ring;
  Gate gate(5);
  const Consumers consumers(ring, 0, 5, [&](uint32_t thread, const eas_call& call) {
    gate.Pass();
    ring.Reply(call, "", 0, 0, thread);
  });
  for (int i = 0; i < 5; ++i) ring.Submit("x");
  eas_front_wake(ring, 1);
  for (size_t done = 0; done < 5;) {
    ring.Sleep();
    for (const Completion& completion : ring.Drain()) {
      eas_front_release(ring, completion.slot);
      ++done;
    }
  }
}

TEST(Worker, NoThreadIsWokenWhileOneSpins) {
  const TestRing ring(RingSize(8, 2, 5));
  const auto wakes = [&ring] {
    const uint32_t before = ring->header->wake_count.load();
    eas_front_wake_one_if_idle(ring);
    return ring->header->wake_count.load() != before;
  };
  EXPECT_FALSE(wakes()) << "nothing waits";
  ring.Submit("x");
  EXPECT_TRUE(wakes());
  ring->workers[1].spinning.store(1);
  EXPECT_FALSE(wakes());
  ring->workers[1].spinning.store(6);  // more than there are threads: corrupt
  EXPECT_TRUE(wakes());
  ring->workers[1].spinning.store(1);
  eas_front_reset_worker(ring, 1, 0);  // it was killed while it was spinning
  EXPECT_TRUE(wakes());
}

// Only with eas_front_wake_one_if_idle, without the front's timer: no wake-up and no completion may be lost
// between quick calls.
TEST(Worker, WakingOneThreadIsEnoughForQuickCalls) {
  const TestRing ring(RingSize(64, 1, 3));
  const Consumers consumers(ring, 0, 3, [&ring](uint32_t thread, const eas_call& call) {
    this_thread.takes_at_once = true;
    ring.Reply(call, std::string(call.input, call.input_size), 0, 0, thread);
  });
  ring.Ask("timed");
  size_t in_flight = 0;
  for (uint64_t submitted = 0; submitted < 50'000 || in_flight > 0;) {
    for (uint64_t fresh = submitted % 7; submitted < 50'000 && fresh < 7 && in_flight < 64; ++fresh) {
      ASSERT_GE(ring.Submit(std::to_string(submitted++)), 0);
      ++in_flight;
    }
    eas_front_wake_one_if_idle(ring);
    const std::vector<Completion> completions = ring.Drain();
    for (const Completion& done : completions) eas_front_release(ring, done.slot);
    in_flight -= completions.size();
    if (completions.empty() && in_flight > 0) ring.Sleep();
  }
}

TEST(Worker, QuickCallsAreTimed) {
  const TestRing ring;
  EXPECT_EQ(0u, ring->call_nanoseconds.load());
  for (int i = 0; i < 100; ++i) {
    ring.Submit("x");
    ring.Reply(ring.Take(), "");
    ring.Finish();
  }
  EXPECT_GT(ring->call_nanoseconds.load(), 0u);
}

// Answers a request whose call took so long, whatever this machine does meanwhile.
void AnswerAfter(const TestRing& ring, uint64_t nanoseconds) {
  ring.Submit("x");
  const eas_call call = ring.Take();
  // The time is measured until the reply, so a start in the future means 0.
  this_thread.started = nanoseconds == 0 ? UINT64_MAX : Now() - nanoseconds;
  ring.Reply(call, "");
  ring.Finish();
}

constexpr uint64_t kSlice = 3'000'000;  // nanoseconds: what the kernel gives to another thread

TEST(Worker, OneSlowCallAmongQuickOnesDoesNotCount) {
  const TestRing ring;
  this_thread.in_doubt = 0;
  ring->call_nanoseconds.store(1000);
  for (int i = 0; i < 3; ++i) {
    AnswerAfter(ring, kSlice);
    EXPECT_EQ(1000u, ring->call_nanoseconds.load());
    for (int quick = 0; quick < 32; ++quick) AnswerAfter(ring, 0);
    ring->call_nanoseconds.store(1000);
  }
}

TEST(Worker, ASecondSlowCallSoonAfterwardsCounts) {
  const TestRing ring;
  this_thread.in_doubt = 0;
  ring->call_nanoseconds.store(1000);
  AnswerAfter(ring, kSlice);
  for (int quick = 0; quick < 31; ++quick) AnswerAfter(ring, 0);
  AnswerAfter(ring, kSlice);
  EXPECT_GT(ring->call_nanoseconds.load(), kSlice / 10);
}

TEST(Worker, CallsAfterASlowOneAreAllTimed) {
  const TestRing ring;
  this_thread.in_doubt = 0;
  ring->call_nanoseconds.store(1000);
  AnswerAfter(ring, kSlice);
  for (int i = 0; i < 8; ++i) {
    ring.Submit("x");
    const eas_call call = ring.Take();
    EXPECT_NE(0u, this_thread.started);
    ring.Reply(call, "");
    ring.Finish();
  }
}

TEST(Worker, AnOutputAboveTheLimitIsNotCutButRefused) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  LogCatcher log;
  ring.Submit("x");
  ring.Reply(ring.Take(), "1234567890");
  EXPECT_EQ("1234567890", ring.Finish().output);
  ring.Submit("x");
  ring.Reply(ring.Take(), "12345678901");
  const Completion done = ring.Finish();
  EXPECT_EQ(EAS_TOO_LARGE, done.outcome);
  EXPECT_EQ("the processor's output has 11 bytes, more than the 10 of --max-output", done.output);
  EXPECT_EQ("Ethe processor's output has 11 bytes, more than the 10 of --max-output\x1e", log.Read());
}

TEST(Worker, AnExplanationIsCutToItsSpan) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  const std::string message(10'000, 'm');
  ring.Submit("x");
  const eas_call call = ring.Take();
  eas_worker_reply(ring, 0, 0, &call, EAS_RAISED, 0, message.data(), message.size());
  const Completion done = ring.Finish();
  EXPECT_EQ(EAS_RAISED, done.outcome);
  EXPECT_EQ(message.substr(0, ring->layout.output_span), done.output);
}

TEST(Worker, FramesFollowTheMessageIfThereIsRoom) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  const std::string message(ring->layout.output_span - 4, 'm');
  for (const std::string& frames : {std::string("\nat1"), std::string("\nat12"), std::string()}) {
    ring.Submit("x");
    const eas_call call = ring.Take();
    eas_worker_raised(ring, 0, 0, &call, message.data(), message.size(), frames.data(), frames.size());
    const Completion done = ring.Finish();
    EXPECT_EQ(EAS_RAISED, done.outcome);
    EXPECT_EQ(frames.size() == 4 ? 4 : 0, done.status);
    EXPECT_EQ(frames.size() == 4 ? message + frames : message, done.output);
  }
}

TEST(Worker, ImpossibleSizesOfFramesAreNone) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  for (const int size : {-1, 4, INT_MIN, INT_MAX}) {
    ring.Submit("x");
    const eas_call call = ring.Take();
    eas_worker_reply(ring, 0, 0, &call, EAS_RAISED, size, "why", 3);
    EXPECT_EQ(0, ring.Finish().status);
  }
}

TEST(Worker, CompleteTakesTheOutputFromTheSlot) {
  const TestRing ring;
  ring.Submit("x");
  const eas_call call = ring.Take();
  EXPECT_EQ(1u << 20, call.output_capacity);
  std::memcpy(call.output, "in place", 8);
  eas_worker_complete(ring, 0, 0, &call, EAS_RETURNED, 201, 8);
  const Completion done = ring.Finish();
  EXPECT_EQ("in place", done.output);
  EXPECT_EQ(201, done.status);
}

TEST(Worker, OnlyTheThreadThatRunsARequestCompletesIt) {
  const TestRing ring;
  ring.Submit("x");
  const eas_call call = ring.Take(0, 1);
  eas_worker_complete(ring, 0, 2, &call, EAS_RETURNED, 0, 0);
  eas_worker_complete(ring, 1, 1, &call, EAS_RETURNED, 0, 0);
  for (const uint32_t slot : {call.slot + 1, 1u << 31}) {
    eas_call foreign = call;
    foreign.slot = slot;
    eas_worker_complete(ring, 0, 1, &foreign, EAS_RETURNED, 0, 0);
    eas_worker_reply(ring, 0, 1, &foreign, EAS_RETURNED, 0, "x", 1);
  }
  eas_call other_life = call;
  ++other_life.sequence;
  eas_worker_complete(ring, 0, 1, &other_life, EAS_RETURNED, 0, 0);
  EXPECT_TRUE(ring.Drain().empty());
  eas_worker_complete(ring, 0, 1, &call, EAS_RETURNED, 0, 0);
  eas_worker_complete(ring, 0, 1, &call, EAS_RETURNED, 0, 0);
  EXPECT_EQ(1u, ring.Drain().size());
}

// Both workers sleep. Only the one in solo mode may run the request, and the wake-up must reach it.
TEST(Worker, ASoloWorkerIsWokenForItsRequest) {
  const TestRing ring;
  const int suspect = ring.Submit("suspect");
  ring.Take(1, 0);
  eas_front_reset_worker(ring, 1, 1);
  const auto reply_with = [&ring](const char* name, uint32_t worker) {
    return [&ring, name, worker](uint32_t thread, const eas_call& call) {
      ring.Reply(call, std::string(name) + " " + std::string(call.input, call.input_size), 0, worker, thread);
    };
  };
  const Consumers normal(ring, 0, 2, reply_with("normal", 0));
  const Consumers solo(ring, 1, 2, reply_with("solo", 1));
  EXPECT_EQ("normal x", ring.Ask("x").output);
  ASSERT_EQ(0, eas_front_requeue_solo(ring, suspect, 1));
  EXPECT_EQ("solo suspect", ring.Finish().output);
  for (int i = 0; i < 20; ++i) EXPECT_EQ("normal x", ring.Ask("x").output);
  eas_front_leave_solo(ring, 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(EAS_RETURNED, ring.Ask("x").outcome);
}

}  // namespace
}  // namespace eas
