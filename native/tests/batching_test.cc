// How threads that are not C++'s own take batches: the calls that a worker in Python makes.
#include "batching.h"

#include <string>
#include <vector>

#include "layout.h"
#include "parts.h"
#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::RingSize;
using testing::TestRing;

constexpr uint64_t kAnHour = 3'600'000'000'000;  // nanoseconds: a batch is full before
constexpr uint32_t kMost = 4;

class BatchingTest : public ::testing::Test {
 protected:
  BatchingTest() : ring_(RingSize(8, 1, 2, 4096, 4096)), calls_(kMost) {
    eas_front_set_batching(ring_, EAS_BATCHING_FIXED, kMost, 4096, kAnHour);
    batch_ = {eas_worker_open_batches(ring_, 0, kMost), 1, 0, 0, 0, 0, calls_.data()};
    eas_worker_enter(ring_, 0, 1);
  }
  ~BatchingTest() override { eas_worker_leave(ring_, 0); }

  void Submit(const std::vector<std::string>& bodies) {
    for (const std::string& body : bodies) ring_.Submit(body);
  }

  std::string Input(uint32_t place) const {
    return std::string(calls_[place].input, calls_[place].input_size);
  }

  void Answer(uint32_t place, const std::string& text) {
    eas_worker_reply(ring_, 0, 1, &calls_[place], EAS_RETURNED, 200, text.data(), text.size());
  }

  // Whether the front was notified since it asked last.
  bool IsNotified() {
    uint64_t count;
    return read(ring_.ring->completion_fd, &count, sizeof(count)) == sizeof(count);
  }

  const TestRing ring_;
  std::vector<eas_call> calls_;
  eas_batch batch_;
};

TEST_F(BatchingTest, IsOffUnlessTheFrontWantsIt) {
  const TestRing other(RingSize(8, 1, 1, 4096, 4096));
  EXPECT_EQ(0u, eas_worker_max_batch(other));
  EXPECT_EQ(kMost, eas_worker_max_batch(ring_));
  EXPECT_EQ(kMost, eas_front_batch_size(ring_, 0));
  EXPECT_EQ(nullptr, eas_worker_open_batches(ring_, 1, kMost));  // there is no such worker
}

TEST_F(BatchingTest, WhatWaitsIsTakenTogetherAndReportedTogether) {
  Submit({"a", "b", "c", "d", "e"});
  ASSERT_EQ(EAS_TAKEN, eas_worker_take_batch(&batch_));
  EXPECT_EQ(kMost, batch_.count);
  EXPECT_EQ(0u, batch_.alone);
  for (uint32_t i = 0; i < kMost; ++i) EXPECT_EQ(std::string(1, "abcd"[i]), Input(i));
  ASSERT_EQ(1, eas_front_request_notification(ring_));
  eas_worker_end_batch(&batch_, 1);
  for (uint32_t i = 0; i < kMost; ++i) Answer(i, "answer");
  EXPECT_FALSE(IsNotified());
  eas_worker_report_batch(&batch_);
  EXPECT_TRUE(IsNotified());
  EXPECT_EQ(kMost, ring_.Drain().size());
}

TEST_F(BatchingTest, ProgramThatTakesRequestsItselfTakesMoreOfThoseThatWait) {
  Submit({"a", "b", "c", "d", "e"});
  ASSERT_EQ(EAS_TAKEN, eas_worker_take(ring_, 0, 1, &calls_[0]));
  ASSERT_EQ(3u, eas_worker_take_more(ring_, 0, 1, &calls_[1], 3));
  for (uint32_t i = 0; i < kMost; ++i) EXPECT_EQ(std::string(1, "abcd"[i]), Input(i));
  ASSERT_EQ(1, eas_front_request_notification(ring_));
  eas_worker_begin_reports();
  for (uint32_t i = 0; i < kMost; ++i) Answer(i, "answer");
  EXPECT_FALSE(IsNotified());
  eas_worker_end_reports(ring_);
  EXPECT_TRUE(IsNotified());
  EXPECT_EQ(kMost, ring_.Drain().size());
  EXPECT_EQ(1u, eas_worker_take_more(ring_, 0, 1, calls_.data(), kMost));
  EXPECT_EQ(0u, eas_worker_take_more(ring_, 0, 1, &calls_[1], 1));
}

TEST_F(BatchingTest, NothingIsTakenBesideARequestThatRunsByItself) {
  Submit({"a", "b"});
  eas_front_reset_worker(ring_, 0, 1);
  EXPECT_EQ(0u, eas_worker_take_more(ring_, 0, 1, calls_.data(), kMost));
}

TEST_F(BatchingTest, EachIsReportedWhenTheCallFails) {
  Submit({"a", "b", "c", "d"});
  ASSERT_EQ(EAS_TAKEN, eas_worker_take_batch(&batch_));
  eas_worker_end_batch(&batch_, 0);
  ASSERT_EQ(1, eas_front_request_notification(ring_));
  Answer(0, "first");
  EXPECT_TRUE(IsNotified());
  for (uint32_t i = 1; i < kMost; ++i) Answer(i, "answer");
}

TEST_F(BatchingTest, TheNextTakeEndsACallThatNobodyEnded) {
  for (int round = 0; round < 2; ++round) {
    Submit({"a", "b", "c", "d"});
    ASSERT_EQ(EAS_TAKEN, eas_worker_take_batch(&batch_));
    EXPECT_EQ(1u, batch_.level);  // no other call runs beside this one
    for (uint32_t i = 0; i < kMost; ++i) Answer(i, "answer");
    for (const Completion& done : ring_.Drain()) eas_front_release(ring_, done.slot);
  }
}

TEST_F(BatchingTest, OneThatMustRunAloneIsNoCallOfABatch) {
  const int slot = ring_.Submit("suspect");
  ring_.Take(0, 1);
  eas_front_reset_worker(ring_, 0, 1);  // as after its death
  ASSERT_EQ(0, eas_front_requeue_solo(ring_, slot, 0));
  ASSERT_EQ(EAS_TAKEN, eas_worker_take_batch(&batch_));
  EXPECT_EQ(1u, batch_.count);
  EXPECT_EQ(1u, batch_.alone);
  EXPECT_EQ(0u, batch_.level);
}

TEST_F(BatchingTest, AParkedCallThatGoesOnIsNoBatch) {
  const int slot = ring_.Submit("streams");
  eas_call call = ring_.Take(0, 1);
  const std::string much(8192, 'x');
  size_t sent = 0;
  ASSERT_EQ(EAS_PART_FULL, eas_worker_send_part(ring_, 0, 1, &call, 200, much.data(), much.size(), &sent));
  eas_worker_park(ring_, 0, 1, &call);
  eas_front_abandon(ring_, slot);
  ASSERT_EQ(EAS_RESUMED, eas_worker_take_batch(&batch_));
  ASSERT_EQ(1u, batch_.count);
  EXPECT_EQ(static_cast<uint32_t>(slot), calls_[0].slot);
  EXPECT_EQ(0u, batch_.alone);
  EXPECT_EQ(0u, batch_.level);
  Submit({"a", "b", "c", "d"});
  EXPECT_EQ(EAS_TAKEN, eas_worker_take_batch(&batch_));
}

TEST_F(BatchingTest, AStopEndsTheWait) {
  eas_worker_stop(ring_);
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_batch(&batch_));
  batch_.thread = 2;  // there is no such thread
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_batch(&batch_));
}

}  // namespace
}  // namespace eas
