// When requests wait for others: the estimates, and the rules as a small simulation of clients shows them.
#include "batch_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

namespace eas {
namespace {

constexpr uint64_t kMicrosecond = 1000;
constexpr uint64_t kMillisecond = 1000 * kMicrosecond;

eas_batching Batching(uint64_t mode, uint64_t max_size = 16) {
  return {mode, max_size, 1 << 20, 50 * kMillisecond};
}

TEST(CallCost, IsALineThroughTheCalls) {
  CallCost cost;
  EXPECT_EQ(0, cost.base());
  for (int round = 0; round < 20; ++round) {
    for (const int requests : {1, 4, 16}) cost.Add(requests, 2000 + 100 * requests);
  }
  EXPECT_NEAR(2000, cost.base(), 1);
  EXPECT_NEAR(100, cost.each(), 0.1);
  EXPECT_NEAR(2800, cost.Of(8), 1);
}

TEST(CallCost, OfOneSizeAloneIsTheCalls) {
  CallCost cost;
  for (int i = 0; i < 20; ++i) cost.Add(4, 2400);
  EXPECT_NEAR(2400, cost.base(), 1);
  EXPECT_EQ(0, cost.each());
}

TEST(CallCost, IsNeverNegative) {
  CallCost cost;
  for (int i = 0; i < 20; ++i) {
    cost.Add(1, 5000);
    cost.Add(8, 1000);
  }
  EXPECT_EQ(0, cost.each());
  EXPECT_GT(cost.base(), 0);
}

TEST(CallCost, FollowsAChange) {
  CallCost cost;
  for (int i = 0; i < 100; ++i) cost.Add(1 + i % 4, 1000.0 * (1 + i % 4));
  for (int i = 0; i < 100; ++i) cost.Add(1 + i % 4, 9000);
  EXPECT_NEAR(9000, cost.base(), 300);
}

TEST(Slowdown, ACallIsUsefulIfMoreIsAnsweredWithIt) {
  Slowdown slowdown;
  EXPECT_TRUE(slowdown.IsUseful(1));
  EXPECT_FALSE(slowdown.IsUseful(2));  // nothing is known
  slowdown.Add(2, 1.05);
  EXPECT_TRUE(slowdown.IsUseful(2));
  slowdown.Add(3, 1.55);  // as on two cores
  EXPECT_FALSE(slowdown.IsUseful(3));
  for (int i = 0; i < 50; ++i) slowdown.Add(2, 2.0);  // now they wait for one another
  EXPECT_FALSE(slowdown.IsUseful(2));
}

TEST(Slowdown, WhatIsNotUsefulIsTriedNowAndThen) {
  Slowdown slowdown;
  slowdown.Add(2, 2.0);
  int tried = 0;
  for (int i = 0; i < 320; ++i) tried += slowdown.IsUseful(2) ? 1 : 0;
  EXPECT_EQ(10, tried);
}

TEST(BatchRule, ASizeOfZeroIsOne) {
  BatchRule rule(Batching(EAS_BATCHING_FIXED, 0));
  EXPECT_EQ(1u, rule.batching().max_size);
}

// For a rule whose batches have any size.
uint64_t WaitUntil(BatchRule* rule, uint64_t waiting, uint64_t oldest, uint64_t now) {
  uint64_t most = 0;
  return rule->WaitUntil(waiting, oldest, now, &most);
}

TEST(BatchRule, FixedWaitsForAFullBatchOrItsTime) {
  BatchRule rule(Batching(EAS_BATCHING_FIXED, 3));
  EXPECT_EQ(1000 + 50 * kMillisecond, WaitUntil(&rule, 1, 1000, 2000));
  EXPECT_EQ(1000 + 50 * kMillisecond, WaitUntil(&rule, 2, 1000, 3000));
  EXPECT_EQ(0u, WaitUntil(&rule, 3, 1000, 3000));
  EXPECT_EQ(0u, WaitUntil(&rule, 1, 1000, 1000 + 50 * kMillisecond));
}

TEST(BatchRule, NumbersThatMakeNoSenseDelayNothing) {
  BatchRule rule({99, 3, 1 << 20, UINT64_MAX});
  EXPECT_EQ(EAS_BATCHING_ADAPTIVE, static_cast<int>(rule.batching().mode));
  EXPECT_LE(rule.batching().timeout_nanoseconds, 60'000 * kMillisecond);
  BatchRule fixed(Batching(EAS_BATCHING_FIXED, 3));
  EXPECT_EQ(0u, WaitUntil(&fixed, 1, UINT64_MAX, 2000));  // submitted in the future
}

// Clients that send their next request some time after their answer, and one service.
class Simulation {
 public:
  Simulation(int clients, int threads, double base, double each, bool one_at_a_time)
      : rule_(Batching(EAS_BATCHING_ADAPTIVE)),
        threads_(static_cast<size_t>(threads)),
        base_(base),
        each_(each),
        one_at_a_time_(one_at_a_time) {
    for (int i = 0; i < clients; ++i) arrivals_.push_back(10 * kMicrosecond * static_cast<uint64_t>(i));
  }

  // Runs until so many requests are answered.
  void Run(size_t requests) {
    while (answered_ < requests) Step();
  }

  // Requests/s.
  double rate() const { return static_cast<double>(answered_) * 1e9 / static_cast<double>(now_); }

  // Nanoseconds in which a thread could have run what waited.
  uint64_t waited() const { return waited_; }

 private:
  struct Call {
    uint64_t end;
    uint64_t begin;
    size_t level;
    size_t requests;
  };

  void Step() {
    std::sort(arrivals_.begin(), arrivals_.end());
    while (!arrivals_.empty() && arrivals_.front() <= now_) {
      queue_.push_back(arrivals_.front());
      arrivals_.pop_front();
    }
    uint64_t next = arrivals_.empty() ? UINT64_MAX : arrivals_.front();
    const bool could = !queue_.empty() && calls_.size() < threads_;
    if (could) {
      uint64_t most = 0;
      const uint64_t until = rule_.WaitUntil(queue_.size(), queue_.front(), now_, &most);
      if (until == 0) return Begin(most);
      next = std::min(next, until);
    }
    for (const Call& call : calls_) next = std::min(next, call.end);
    if (could && calls_.empty()) waited_ += next - now_;
    now_ = next;
    for (size_t i = 0; i < calls_.size();) {
      if (calls_[i].end > now_) {
        ++i;
        continue;
      }
      End(calls_[i]);
      calls_.erase(calls_.begin() + static_cast<long>(i));
    }
  }

  void Begin(uint64_t most) {
    const size_t requests = std::min<size_t>(queue_.size(), most);
    const std::vector<uint64_t> submitted(queue_.begin(), queue_.begin() + static_cast<long>(requests));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<long>(requests));
    const size_t level = rule_.Started(submitted, now_);
    uint64_t start = now_;
    if (one_at_a_time_) start = std::max(start, free_);
    free_ = start + static_cast<uint64_t>(base_ + each_ * static_cast<double>(requests));
    calls_.push_back({free_, now_, level, requests});
  }

  void End(const Call& call) {
    rule_.Ended(call.level, call.requests, call.end - call.begin);
    answered_ += call.requests;
    for (size_t i = 0; i < call.requests; ++i)
      arrivals_.push_back(now_ + 100 * kMicrosecond + i * 10 * kMicrosecond);
  }

  BatchRule rule_;
  const size_t threads_;
  const double base_, each_;  // nanoseconds
  const bool one_at_a_time_;  // calls wait for one another, as on a GPU
  std::deque<uint64_t> arrivals_, queue_;
  std::vector<Call> calls_;
  uint64_t now_ = 1;
  uint64_t free_ = 0;
  size_t answered_ = 0;
  uint64_t waited_ = 0;
};

// 2 ms for a call and 0.1 ms for each request: 4,444 requests/s in full batches, 476 one by one.
constexpr double kBase = 2e6, kEach = 1e5;

TEST(BatchRule, OneClientNeverWaits) {
  Simulation alone(1, 5, kBase, kEach, true);
  alone.Run(1000);
  EXPECT_EQ(0u, alone.waited());
}

TEST(BatchRule, ManyClientsShareFullBatches) {
  for (const int threads : {1, 2, 5}) {
    Simulation many(32, threads, kBase, kEach, true);
    many.Run(20'000);
    EXPECT_GT(many.rate(), 4200) << threads;
  }
}

TEST(BatchRule, ClientsThatWouldShareABatchAreWaitedFor) {
  Simulation some(12, 1, kBase, kEach, true);
  some.Run(20'000);
  EXPECT_GT(some.rate(), 0.9 * 12e9 / (kBase + 12 * kEach + 210e3));  // all twelve in each batch
  EXPECT_GT(some.waited(), 0u);
}

TEST(BatchRule, TwoClientsShareACallInsteadOfTakingTurns) {
  for (const int threads : {1, 5}) {
    Simulation two(2, threads, kBase, kEach, true);
    two.Run(20'000);
    EXPECT_GT(two.rate(), 850) << threads;  // 476 in turns
  }
}

TEST(BatchRule, TwoClientsDoNotWaitForOneAnotherWhereCallsRunSideBySide) {
  Simulation two(2, 5, kBase, kEach, false);
  two.Run(20'000);
  EXPECT_GT(two.rate(), 900);
  EXPECT_EQ(0u, two.waited());
}

TEST(BatchRule, CallsThatDoNotDisturbOneAnotherRunSideBySide) {
  Simulation parallel(32, 4, kBase, kEach, false);
  parallel.Run(20'000);
  EXPECT_GT(parallel.rate(), 8000);
}

TEST(BatchRule, ThreadsShareWhatABatchWouldNotMakeCheaper) {
  Simulation parallel(5, 5, 1000, 2e7, false);
  parallel.Run(2000);
  EXPECT_GT(parallel.rate(), 0.85 * 5e9 / (1000 + 2e7 + 120e3));
}

TEST(CallCost, BatchesOfMoreThanWinsAnythingAreNotWorthwhile) {
  CallCost cost;
  EXPECT_EQ(0, cost.Worthwhile());
  for (int i = 0; i < 20; ++i) cost.Add(1 + i % 4, 100.0 * (1 + i % 4));
  EXPECT_EQ(1, cost.Worthwhile());
  for (int i = 0; i < 200; ++i) cost.Add(1, 100);  // of one size, which tells nothing new
  EXPECT_EQ(1, cost.Worthwhile());
  for (int i = 0; i < 200; ++i) cost.Add(1 + i % 4, 2000 + 100.0 * (1 + i % 4));
  EXPECT_NEAR(80, cost.Worthwhile(), 2);
}

TEST(BatchRule, NothingWaitsWhereACallCostsWhatItsRequestsDo) {
  Simulation linear(32, 1, 1, kEach, true);
  linear.Run(2000);
  EXPECT_EQ(0u, linear.waited());
}

}  // namespace
}  // namespace eas
