// Taking with a time-out, several requests at once, and completing what another thread took.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "identity.h"
#include "testing.h"
#include "worker.h"

namespace eas {
namespace {

using testing::Completion;
using testing::kHang;
using testing::Shape;
using testing::TestRing;

int TakeWithin(const TestRing& ring, int timeout_ms, uint32_t thread = 0) {
  eas_call call{};
  return eas_worker_take_for(ring, 0, thread, &call, timeout_ms);
}

// What one thread's take_for ends with after `meanwhile`, which happens before, while or after it falls
// asleep.
int TakeWhile(const TestRing& ring, int timeout_ms, const std::function<void()>& meanwhile) {
  int taken = -1;
  std::thread taker([&] { taken = TakeWithin(ring, timeout_ms); });
  meanwhile();
  taker.join();
  return taken;
}

// The next take finds calls quick, whatever this machine makes of them.
void MakeQuick(const TestRing& ring) { ring->call_nanoseconds.store(1000); }

TEST(Take, WithoutTimeItOnlyLooks) {
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

TEST(Take, ItWaitsAsLongAsAsked) {
  const TestRing ring;
  const uint64_t before = Now();
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 2));
  EXPECT_GE(Now() - before, 2'000'000u);
}

TEST(Take, ARequestOrAStopEndsTheWait) {
  for (const int timeout_ms : {kHang, -1, INT32_MAX}) {
    const TestRing ring;
    EXPECT_EQ(EAS_TAKEN, TakeWhile(ring, timeout_ms, [&] {
                ring.Submit("x");
                eas_front_bell(ring, 1);
              }));
    EXPECT_EQ(EAS_STOPPED, TakeWhile(ring, timeout_ms, [&] { eas_worker_stop(ring); }));
  }
}

TEST(Take, AnIdleSuspectsWorkerTimesOutToo) {
  const TestRing ring;
  eas_front_worker_reset(ring, 0, 1);
  ring.Submit("not for it");
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 0));
  EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, 1));
}

TEST(Take, NumbersOutsideOfTheRingTakeNothing) {
  const TestRing ring(Shape(8, 2, 5));
  ring.Submit("x");
  eas_call call;
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_for(ring, 2, 0, &call, -1));
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_for(ring, 0, 5, &call, -1));
  eas_worker_leave(ring, 2);
}

// A signal comes before, while and after the thread sleeps, until one has found it asleep.
TEST(Take, ASignalEndsOnlyTheWaitThatAskedForIt) {
  const TestRing ring;
  struct sigaction before{};
  struct sigaction action{};
  action.sa_handler = [](int) {};  // without SA_RESTART, as Python's
  sigaction(SIGUSR1, &action, &before);
  for (const int timeout_ms : {kHang, -1}) {
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
  eas_front_bell(ring, 1);
  taker.join();
  sigaction(SIGUSR1, &before, nullptr);
}

// The front spares the wake-up while somebody will look soon; who has timed out will not.
TEST(Take, WhoHasTimedOutDoesNotCountAsLooking) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  for (const int timeout_ms : {0, 1}) {
    MakeQuick(ring);
    ring.Submit("x");
    ring.Reply(ring.Take(), "");
    ring.Finish();
    EXPECT_EQ(1u, ring->workers[0].looking.load());
    EXPECT_EQ(EAS_TIMED_OUT, TakeWithin(ring, timeout_ms));
    EXPECT_EQ(0u, ring->workers[0].looking.load());
  }
}

TEST(Take, WhoLeavesOwesNothing) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  this_thread.prompt = true;
  ring.Submit("x");
  ASSERT_EQ(1, eas_front_arm(ring));
  MakeQuick(ring);
  const eas_call call = ring.Take();
  MakeQuick(ring);
  ring.Reply(call, "kept for the next look");
  uint64_t count = 0;
  EXPECT_EQ(-1, read(ring.eventfd, &count, sizeof(count)));
  EXPECT_EQ(1u, ring->workers[0].looking.load());
  eas_worker_leave(ring, 0);
  EXPECT_EQ(ssize_t{sizeof(count)}, read(ring.eventfd, &count, sizeof(count)));
  EXPECT_EQ(0u, ring->workers[0].looking.load());
  EXPECT_FALSE(this_thread.entered);
  eas_worker_leave(ring, 0);
  EXPECT_EQ(0u, ring->workers[0].looking.load());

  eas_worker_enter(ring, 0, 3);
  ring.Submit("again");
  ring.Reply(ring.Take(0, 3), "under another number", 0, 0, 3);
  EXPECT_EQ(2u, ring.Drain().size());
}

TEST(Take, NothingIsKeptFromAFrontThatRests) {
  const TestRing ring;
  eas_worker_enter(ring, 0, 0);
  this_thread.prompt = true;
  uint64_t count = 0;
  for (const bool resting : {false, true, false}) {
    for (int i = 0; i < 7; ++i) ring.Submit("x");
    eas_front_rest(ring, resting);
    ASSERT_EQ(1, eas_front_arm(ring));  // of those that wait a quarter, but for a front that rests
    for (int i = 0; i < 2; ++i) {
      MakeQuick(ring);
      const eas_call call = ring.Take();
      MakeQuick(ring);
      ring.Reply(call, "");
      const bool told = read(ring.eventfd, &count, sizeof(count)) == ssize_t{sizeof(count)};
      EXPECT_EQ(resting, told);
      EXPECT_EQ(1u, ring.Drain().size());
      ASSERT_EQ(1, eas_front_arm(ring));
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

// The front sleeps, so whoever completes must wake it: also a thread that never entered, or one of another
// number, which goes on with its own request.
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
      ASSERT_EQ(1, eas_front_arm(ring));
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
  const TestRing ring(Shape(1));
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

// A batch, or a request that is answered elsewhere, says nothing about how long one call keeps this thread.
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

// Calls on their way from those who take to those who complete.
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

  // False: the end has come.
  bool Get(Item* item) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || !items_.empty(); });
    if (items_.empty()) return false;
    // From either end in turn, so that the order is not that of the taking.
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
  const TestRing ring(Shape(32, 1, kTakers));
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
    eas_front_bell(ring, 1);
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
  EXPECT_EQ(0u, ring->workers[0].looking.load());
}

}  // namespace
}  // namespace eas
