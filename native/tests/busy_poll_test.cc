// Threads that wait may look again and again before they sleep, while that pays.
#include "busy_poll.h"

#include <functional>
#include <thread>

#include "testing.h"
#include "worker.h"

namespace eas {
namespace {

using testing::kTimeout;
using testing::TestRing;

constexpr uint64_t kLimit = 10'000'000;  // nanoseconds

// How many of so many waits are polled, all with that end.
uint32_t Polled(PollTrials& trials, uint32_t waits, bool in_time, uint64_t lost = 0) {
  uint32_t polled = 0;
  for (uint32_t i = 0; i < waits; ++i) {
    if (!trials.MayPoll()) continue;
    trials.Count(in_time, lost);
    ++polled;
  }
  return polled;
}

TEST(PollTrials, WhilePollingPaysAllWaitsArePolled) {
  PollTrials trials;
  EXPECT_EQ(10'000u, Polled(trials, 10'000, true));
}

TEST(PollTrials, SleepForLongerAfterEachTrialInVain) {
  PollTrials trials;
  uint32_t slept = PollTrials::kTrial;
  for (uint32_t trial = 0; trial < PollTrials::kMaxFailures + 2; ++trial) {
    EXPECT_EQ(PollTrials::kTrial, Polled(trials, PollTrials::kTrial, false));
    if (trial < PollTrials::kMaxFailures) slept *= 2;
    EXPECT_EQ(0u, Polled(trials, slept, true));
  }
  // Trials that pay follow one another at once, and each makes up for one in vain.
  constexpr uint32_t kThree = 3 * PollTrials::kTrial;
  EXPECT_EQ(kThree, Polled(trials, kThree, true));
  EXPECT_EQ(PollTrials::kTrial, Polled(trials, PollTrials::kTrial, false));
  EXPECT_EQ(0u, Polled(trials, slept / 4, true));
  EXPECT_EQ(1u, Polled(trials, 1, true));
}

TEST(PollTrials, HalfOfTheWaitsAreEnough) {
  PollTrials trials;
  Polled(trials, PollTrials::kTrial / 2, false);
  Polled(trials, PollTrials::kTrial / 2, true);
  EXPECT_TRUE(trials.MayPoll());
  Polled(trials, PollTrials::kTrial / 2 + 1, false);
  Polled(trials, PollTrials::kTrial / 2 - 1, true);
  EXPECT_FALSE(trials.MayPoll());
}

TEST(PollTrials, EndOnceOthersHaveHadTheCoreForLongerThanAllCouldSave) {
  PollTrials trials;
  EXPECT_EQ(3u, Polled(trials, 2 * PollTrials::kTrial, true, PollTrials::kMaxLost / 2));
}

TEST(BusyPoll, LooksUntilSomethingIsFound) {
  BusyPoll poll;
  const uint64_t end = Now() + uint64_t{kTimeout} * 1'000'000;
  int looks = 0;
  bool found = false;
  while (!found && Now() < end) {  // a look on a busy machine may be the only one
    looks = 0;
    found = poll.Poll(kLimit, [&looks] { return ++looks == 3; });
  }
  EXPECT_EQ(3, looks);
}

TEST(BusyPoll, FindsWhatComesTooLate) {
  BusyPoll poll;
  EXPECT_TRUE(poll.Poll(1, [] { return true; }));
}

TEST(BusyPoll, DoesNotLookIfItMayNot) {
  BusyPoll poll;
  EXPECT_FALSE(poll.Poll(0, [] { return true; }));
}

TEST(BusyPoll, LooksNoMoreAfterATrialInVain) {
  BusyPoll poll;
  int looks = 0;
  for (uint32_t i = 0; i < 2 * PollTrials::kTrial; ++i) {
    EXPECT_FALSE(poll.Poll(1, [&looks] { return ++looks == 0; }));
  }
  EXPECT_GE(PollTrials::kTrial, static_cast<uint32_t>(looks));
}

TEST(BusyPoll, OneThreadLooksAtATime) {
  BusyPoll poll;
  bool inner = true;
  const auto found = [&poll, &inner] {
    inner = poll.Poll(kLimit, [] { return true; });
    return true;
  };
  EXPECT_TRUE(poll.Poll(kLimit, found));
  EXPECT_FALSE(inner);
  // Where the first one has lost its core for long, some waits after it are not polled.
  bool again = false;
  for (uint32_t wait = 0; wait <= PollTrials::kTrial << PollTrials::kMaxFailures && !again; ++wait)
    again = poll.Poll(kLimit, [] { return true; });
  EXPECT_TRUE(again);
}

// Takes and completes requests until it is stopped.
void Serve(const TestRing& ring) {
  eas_worker_enter(ring, 0, 0);
  TakeAtOnce();
  eas_call call{};
  while (eas_worker_take(ring, 0, 0, &call) == EAS_TAKEN) ring.Reply(call, "");
}

// Both sides of a ring whose requests come one after the other, until `kept` has happened.
void ServeUntil(const std::function<bool(const TestRing&)>& kept) {
  const TestRing ring;
  eas_front_busy_poll(ring, 10'000'000);
  std::thread worker([&ring] { Serve(ring); });
  const uint64_t end = Now() + uint64_t{kTimeout} * 1'000'000;
  bool happened = false;
  while (!happened && Now() < end) {
    ring.Submit("x");
    eas_front_wake_one_if_idle(ring);
    ring.Finish();
    happened = kept(ring);
  }
  EXPECT_TRUE(happened);
  eas_worker_stop(ring);
  worker.join();
}

TEST(BusyPoll, AThreadTakesARequestWithoutBeingWoken) {
  uint64_t served = 0;
  ServeUntil([&served](const TestRing& ring) { return ++served > ring->header->wake_ups.load(); });
}

TEST(BusyPoll, TheFrontCollectsACompletionWithoutBeingNotified) {
  uint64_t served = 0;
  ServeUntil([&served](const TestRing& ring) { return ++served > ring->header->notifications.load(); });
}

TEST(BusyPoll, AThreadThatMayNotWaitDoesNotLook) {
  const TestRing ring;
  eas_front_busy_poll(ring, 1'000'000'000);
  eas_worker_enter(ring, 0, 0);
  ring->call_nanoseconds.store(1);
  ring.Submit("x");
  ring.Reply(ring.Take(), "");
  eas_call call{};
  const uint64_t start = Now();
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_for(ring, 0, 0, &call, 0));
  EXPECT_GT(1'000'000'000u, Now() - start);
}

// The head is overwritten, so there always seems to be a request.
TEST(BusyPoll, FindsNothingInACorruptQueue) {
  const TestRing ring;
  eas_front_busy_poll(ring, 1'000'000);
  eas_worker_enter(ring, 0, 0);
  ring->call_nanoseconds.store(1);
  ring.Submit("x");
  ring.Reply(ring.Take(), "");
  ring->header->head.store(1'000'000);
  eas_call call{};
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_for(ring, 0, 0, &call, 1));
}

}  // namespace
}  // namespace eas
