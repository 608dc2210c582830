// Taking with a time-out, several requests at once, and completing what another thread took.
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "testing.h"
#include "thread_context.h"
#include "worker.h"

namespace eas {
namespace {

using testing::Completion;
using testing::kTimeout;
using testing::RingSize;
using testing::TestRing;

int TakeWithin(const TestRing& ring, int timeout_ms, uint32_t thread = 0) {
  eas_call call{};
  return eas_worker_take_for(ring, 0, thread, &call, timeout_ms);
}

// Runs `meanwhile` before, while or after another thread falls asleep in take_for. Returns what take_for
// returns.
int TakeWhile(const TestRing& ring, int timeout_ms, const std::function<void()>& meanwhile) {
  int taken = -1;
  std::thread taker([&] { taken = TakeWithin(ring, timeout_ms); });
  meanwhile();
  taker.join();
  return taken;
}

// Makes the next take believe that calls are quick, however slow this machine is.
void MakeQuick(const TestRing& ring) { ring->call_nanoseconds.store(1000); }

TEST(Take, ATimeOutOfZeroDoesNotWait) {
  const TestRing ring;
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 0));
  ring.Submit("x");
  EXPECT_EQ(EAS_TAKEN, TakeWithin(ring, 0));
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 0));
  ring.Submit("y");
  eas_worker_stop(ring);
  EXPECT_EQ(EAS_STOPPED, TakeWithin(ring, 0));
  EXPECT_EQ(EAS_STOPPED, TakeWithin(ring, 1));
  EXPECT_EQ(EAS_STOPPED, TakeWithin(ring, -1));
}

TEST(Take, ItWaitsForTheTimeOut) {
  const TestRing ring;
  const uint64_t before = Now();
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 2));
  EXPECT_GE(Now() - before, 2'000'000u);
}

TEST(Take, ARequestOrAStopEndsTheWait) {
  for (const int timeout_ms : {kTimeout, -1, INT32_MAX}) {
    const TestRing ring;
    EXPECT_EQ(EAS_TAKEN, TakeWhile(ring, timeout_ms, [&] {
                ring.Submit("x");
                eas_front_wake(ring, 1);
              }));
    EXPECT_EQ(EAS_STOPPED, TakeWhile(ring, timeout_ms, [&] { eas_worker_stop(ring); }));
  }
}

TEST(Take, AnIdleSoloWorkerTimesOutToo) {
  const TestRing ring;
  eas_front_reset_worker(ring, 0, 1);
  ring.Submit("not for it");
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 0));
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 1));
}

TEST(Take, NumbersOutsideOfTheRingTakeNothing) {
  const TestRing ring(RingSize(8, 2, 5));
  ring.Submit("x");
  eas_call call;
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_for(ring, 2, 0, &call, -1));
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_for(ring, 0, 5, &call, -1));
  eas_worker_leave(ring, 2);
}

// Signals arrive before, while and after the thread falls asleep, until one of them interrupts its sleep.
TEST(Take, ASignalEndsOnlyTheWaitThatAskedForIt) {
  const TestRing ring;
  struct sigaction before{};
  struct sigaction action{};
  action.sa_handler = [](int) {};  // without SA_RESTART, as Python's
  sigaction(SIGUSR1, &action, &before);
  for (const int timeout_ms : {kTimeout, -1}) {
    std::atomic<int> taken{-1};
    std::thread taker([&] { taken = TakeWithin(ring, timeout_ms); });
    while (taken == -1) {
      pthread_kill(taker.native_handle(), SIGUSR1);
      std::this_thread::yield();
    }
    taker.join();
    EXPECT_EQ(EAS_INTERRUPTED, taken);
  }
  eas_call call{};
  std::thread taker([&] { EXPECT_EQ(EAS_TAKEN, eas_worker_take(ring, 0, 0, &call)); });
  for (int i = 0; i < 100; ++i) {
    pthread_kill(taker.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  ring.Submit("x");
  eas_front_wake(ring, 1);
  taker.join();
  sigaction(SIGUSR1, &before, nullptr);
}

// The front wakes no thread while one spins. A thread that has timed out does not spin any more.
TEST(Take, AThreadThatHasTimedOutDoesNotSpin) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  for (const int timeout_ms : {0, 1}) {
    MakeQuick(ring);
    ring.Submit("x");
    ring.Reply(ring.Take(), "");
    ring.Finish();
    EXPECT_EQ(1u, ring->workers[0].spinning.load());
    EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, timeout_ms));
    EXPECT_EQ(0u, ring->workers[0].spinning.load());
  }
}

TEST(Take, AThreadThatLeavesReportsAllCompletions) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  this_thread.takes_at_once = true;
  ring.Submit("x");
  ASSERT_EQ(1, eas_front_request_notification(ring));
  MakeQuick(ring);
  const eas_call call = ring.Take();
  MakeQuick(ring);
  ring.Reply(call, "kept for the next look");
  uint64_t count = 0;
  EXPECT_EQ(-1, read(ring.eventfd, &count, sizeof(count)));
  EXPECT_EQ(1u, ring->workers[0].spinning.load());
  eas_worker_leave(ring, 0);
  EXPECT_EQ(ssize_t{sizeof(count)}, read(ring.eventfd, &count, sizeof(count)));
  EXPECT_EQ(0u, ring->workers[0].spinning.load());
  EXPECT_FALSE(this_thread.entered);
  eas_worker_leave(ring, 0);
  EXPECT_EQ(0u, ring->workers[0].spinning.load());

  eas_worker_enter(ring, 0, 3);
  ring.Submit("again");
  ring.Reply(ring.Take(0, 3), "under another number", 0, 0, 3);
  EXPECT_EQ(2u, ring.Drain().size());
}

TEST(Take, CompletingAndTakingReportsQuickCallsTogether) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  for (const char* body : {"first", "second", "third"}) ring.Submit(body);
  uint64_t count = 0;
  ASSERT_EQ(1, eas_front_request_notification(ring));
  eas_call call = ring.Take();
  for (const char* body : {"second", "third"}) {
    MakeQuick(ring);
    std::memcpy(call.output, "done", 4);
    ASSERT_EQ(EAS_TAKEN, eas_worker_complete_and_take(ring, 0, 0, &call, EAS_RETURNED, 200, 4));
    EXPECT_EQ(body, std::string(call.input, call.input_size));
    EXPECT_EQ(-1, read(ring.eventfd, &count, sizeof(count))) << "this thread looks at the queue again";
  }
  eas_worker_stop(ring);
  EXPECT_EQ(EAS_STOPPED, eas_worker_complete_and_take(ring, 0, 0, &call, EAS_RETURNED, 200, 0));
  EXPECT_EQ(ssize_t{sizeof(count)}, read(ring.eventfd, &count, sizeof(count)));
  std::multiset<std::string> outputs;
  for (const Completion& done : ring.Drain()) outputs.insert(done.output);
  EXPECT_EQ((std::multiset<std::string>{"", "done", "done"}), outputs);
  EXPECT_EQ(EAS_STOPPED, eas_worker_complete_and_take(ring, 5, 0, &call, EAS_RETURNED, 200, 0))
      << "no such worker";
}

TEST(Take, AThreadAnswersAndTakes) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 1);
  ring.Submit("first");
  ring.Submit("second");
  eas_thread thread{ring, 0, 1, 0, ring.Take(0, 1)};
  thread.status = 404;
  ASSERT_EQ(EAS_TAKEN, eas_worker_answer_and_take(&thread, "one", 3));
  EXPECT_EQ("second", std::string(thread.call.input, thread.call.input_size));
  eas_worker_stop(ring);
  thread.status = 200;
  EXPECT_EQ(EAS_STOPPED, eas_worker_answer_and_take(&thread, nullptr, 0));
  std::map<int, std::string> outputs;
  for (const Completion& done : ring.Drain()) outputs[done.status] = done.output;
  EXPECT_EQ((std::map<int, std::string>{{404, "one"}, {200, ""}}), outputs);
}

TEST(Take, EachCompletionIsReportedIfTheFrontAsksForThat) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  this_thread.takes_at_once = true;
  uint64_t count = 0;
  for (const bool immediately : {false, true, false}) {
    for (int i = 0; i < 7; ++i) ring.Submit("x");
    eas_front_notify_immediately(ring, immediately);
    ASSERT_EQ(1, eas_front_request_notification(
                     ring));  // a quarter of those that wait, unless the front asked for each
    for (int i = 0; i < 2; ++i) {
      MakeQuick(ring);
      const eas_call call = ring.Take();
      MakeQuick(ring);
      ring.Reply(call, "");
      const bool reported = read(ring.eventfd, &count, sizeof(count)) == ssize_t{sizeof(count)};
      EXPECT_EQ(immediately, reported);
      EXPECT_EQ(1u, ring.Drain().size());
      ASSERT_EQ(1, eas_front_request_notification(ring));
    }
    for (int slot = 0; slot < 8; ++slot) eas_front_release(ring, slot);
  }
  eas_worker_leave(ring, 0);
}

TEST(Take, OneThreadHoldsSeveralAndCompletesThemInAnyOrder) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 2);
  std::map<int, std::string> expected;
  std::vector<eas_call> calls;
  for (const char* body : {"a", "b", "c", "d"}) {
    expected[ring.Submit(body)] = std::string("for ") + body;
    calls.push_back(ring.Take(0, 2));
  }
  for (const size_t at : {2u, 0u, 3u, 1u}) {
    const eas_call& call = calls[at];
    ring.Reply(call, "for " + std::string(call.input, call.input_size), 0, 0, 2);
    const Completion done = ring.Finish();
    EXPECT_EQ(static_cast<int>(call.slot), done.slot);
    EXPECT_EQ(expected[done.slot], done.output);
  }
}

// The front sleeps, so the thread that completes a request must wake it, even if that thread never entered,
// or has another number and goes on with its own request.
TEST(Take, AnyThreadCompletesWhatAnotherTook) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  for (const bool entered : {false, true}) {
    ring.Submit("taken here");
    const eas_call call = ring.Take();
    std::thread other([&] {
      eas_call own{};
      if (entered) {
        eas_worker_enter(ring, 0, 1);
        ring.Submit("its own");
        own = ring.Take(0, 1);
      }
      ASSERT_EQ(1, eas_front_request_notification(ring));
      ring.Reply(call, "completed there");
      if (!entered) return;
      EXPECT_EQ("completed there", ring.Finish().output);
      ring.Reply(own, "completed by itself", 0, 0, 1);
    });
    other.join();
    EXPECT_EQ(entered ? "completed by itself" : "completed there", ring.Finish().output);
  }
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 0));
}

TEST(Take, ALateCompletionDoesNotReachTheSlotsNextRequest) {
  const TestRing ring(RingSize(1));
  ring.Submit("first");
  const eas_call first = ring.Take();
  ring.Reply(first, "first");
  EXPECT_EQ("first", ring.Finish().output);
  ring.Submit("second");
  const eas_call second = ring.Take();  // the same slot, worker and thread
  ASSERT_EQ(first.slot, second.slot);
  std::memcpy(second.output, "second", 6);
  ring.Reply(first, "late!!");
  eas_worker_complete(ring, 0, 0, &first, EAS_RETURNED, 0, 4);
  EXPECT_TRUE(ring.Drain().empty());
  eas_worker_complete(ring, 0, 0, &second, EAS_RETURNED, 0, 6);
  EXPECT_EQ("second", ring.Finish().output);
}

// From a batch, or a request that another thread completes, nobody can tell how long one call takes.
TEST(Take, OnlyTheRequestTakenLastIsTimed) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  ring.Submit("first");
  ring.Submit("second");
  const eas_call first = ring.Take();
  const eas_call second = ring.Take();
  ring.Reply(first, "");
  EXPECT_EQ(0u, ring->call_nanoseconds.load());
  std::thread([&] { ring.Reply(second, ""); }).join();
  EXPECT_EQ(0u, ring->call_nanoseconds.load());
  ring.Drain();
  ring.Submit("third");
  ring.Reply(ring.Take(), "");
  EXPECT_NE(0u, ring->call_nanoseconds.load());
}

// Hands calls over from the threads that take them to the threads that complete them.
class Handover {
 public:
  struct Item {
    uint32_t thread;
    eas_call call;
  };

  void Put(const Item& item) {
    const std::lock_guard<std::mutex> lock(mutex_);
    items_.push_back(item);
    changed_.notify_one();
  }

  // Returns false after the end.
  bool Get(Item* item) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || !items_.empty(); });
    if (items_.empty()) return false;
    // From either end in turn, so that the order differs from that of the taking.
    last_ = !last_;
    *item = last_ ? items_.back() : items_.front();
    if (last_) {
      items_.pop_back();
    } else {
      items_.pop_front();
    }
    return true;
  }

  void End() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  bool last_ = false;
  bool ended_ = false;
};

TEST(Take, SomeTakeAndOthersCompleteUnderLoad) {
  constexpr uint64_t kRequests = 20'000;
  constexpr uint32_t kTakers = 2;
  const TestRing ring(RingSize(32, 1, kTakers));
  Handover handover;
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kTakers; ++thread) {
    threads.emplace_back([&, thread] {
      eas_worker_enter(ring, 0, thread);
      eas_call call;
      // One with short time-outs, one without.
      for (int taken;
           (taken = eas_worker_take_for(ring, 0, thread, &call, thread == 0 ? 1 : -1)) != EAS_STOPPED;) {
        if (taken == EAS_TAKEN) handover.Put({thread, call});
      }
      eas_worker_leave(ring, 0);
    });
  }
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (Handover::Item item; handover.Get(&item);) {
        const std::string body(item.call.input, item.call.input_size);
        ring.Reply(item.call, "for " + body, 0, 0, item.thread);
      }
    });
  }

  std::map<int, std::string> in_flight;
  for (uint64_t submitted = 0; submitted < kRequests || !in_flight.empty();) {
    for (; submitted < kRequests && in_flight.size() < 32; ++submitted) {
      const std::string body = std::to_string(submitted);
      ASSERT_TRUE(in_flight.emplace(ring.Submit(body), "for " + body).second);
    }
    eas_front_wake(ring, 1);
    const std::vector<Completion> completions = ring.Drain();
    for (const Completion& done : completions) {
      ASSERT_EQ(in_flight[done.slot], done.output);
      in_flight.erase(done.slot);
      eas_front_release(ring, done.slot);
    }
    if (completions.empty()) ring.Sleep();
  }
  eas_worker_stop(ring);
  for (uint32_t thread = 0; thread < kTakers; ++thread) threads[thread].join();
  handover.End();
  for (size_t i = kTakers; i < threads.size(); ++i) threads[i].join();
  EXPECT_EQ(0u, ring->workers[0].spinning.load());
}

}  // namespace
}  // namespace eas
