// What the front does after a worker's death. Here a worker counts as dead when it does not go on.
#include "front.h"
#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::RingSize;
using testing::TestRing;

TEST(Recovery, ARunningRequestRunsAgainBeforeYoungerOnes) {
  const TestRing ring;
  const int old = ring.Submit("old");
  const eas_call lost = ring.Take(0, 0);
  ring.Submit("young");
  eas_front_resubmit(ring, old);
  EXPECT_EQ(2, eas_front_waiting(ring));
  const eas_call again = ring.Take(1, 0);
  EXPECT_EQ("old", std::string(again.input, again.input_size));
  ring.Reply(lost, "from the grave", 0, 0, 0);
  EXPECT_TRUE(ring.Drain().empty());
  ring.Reply(again, "alive", 0, 1, 0);
  EXPECT_EQ("alive", ring.Finish().output);
  EXPECT_EQ("young", std::string(ring.Take(1, 1).input, 5));
}

// The worker died between the state and the completion bit.
TEST(Recovery, ACompletionWithoutItsBitIsFound) {
  const TestRing ring;
  for (const bool by_reset : {false, true}) {
    const int slot = ring.Submit("x");
    const eas_call call = ring.Take();
    ring.Reply(call, "done");
    ring->bitmap[0].store(0);
    EXPECT_TRUE(ring.Drain().empty());
    if (by_reset) {
      eas_front_reset_worker(ring, 0, 0);
    } else {
      EXPECT_EQ(EAS_DONE, eas_front_phase(ring, slot, nullptr, nullptr));
    }
    EXPECT_EQ("done", ring.Finish().output);
  }
}

TEST(Recovery, ACompleteRequestDoesNotRunAgain) {
  const TestRing ring;
  const int slot = ring.Submit("x");
  ring.Reply(ring.Take(), "done");
  eas_front_resubmit(ring, slot);
  EXPECT_EQ(-1, eas_front_requeue_solo(ring, slot, 0));
  EXPECT_EQ(0, eas_front_waiting(ring));
  EXPECT_EQ("done", ring.Finish().output);
}

// The worker died after its claim, before it advanced the head.
TEST(Recovery, AClaimedEntryAtTheHeadIsSkipped) {
  const TestRing ring;
  ring.Submit("first");
  ring.Submit("second");
  ring.Take(0, 0);
  ring->header->head.store(ring->header->head.load() - 1);
  EXPECT_EQ(1, eas_front_waiting(ring));
  ring->header->head.store(ring->header->head.load() - 1);
  EXPECT_EQ("second", std::string(ring.Take(1, 0).input, 6));
}

TEST(Recovery, AHeadThatRanAheadIsSetBack) {
  const TestRing ring;
  for (int i = 0; i < 3; ++i) ring.Submit(std::to_string(i));
  ring->header->head.store(ring->header->tail.load());
  EXPECT_EQ(0, eas_front_waiting(ring));  // by the hints there is nothing, by the states there is
  eas_front_reset_worker(ring, 0, 0);
  EXPECT_EQ(3, eas_front_waiting(ring));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(std::to_string(i), std::string(ring.Take(0, 0).input, 1));
}

TEST(Recovery, AnOverwrittenEntryIsRestored) {
  const TestRing ring;
  for (int i = 0; i < 3; ++i) ring.Submit(std::to_string(i));
  ring->entries[1].store(ring->entries[2].load());
  eas_front_rebuild_queue(ring);
  EXPECT_EQ(3, eas_front_waiting(ring));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(std::to_string(i), std::string(ring.Take(0, 0).input, 1));
}

TEST(Recovery, CompletionsAreCountedByWorker) {
  const TestRing ring;
  for (const uint32_t worker : {0, 1, 1}) {
    ring.Submit("x");
    ring.Reply(ring.Take(worker), "done", 0, worker);
    ring.Finish();
  }
  eas_front_reset_worker(ring, 1, 0);  // the next process of that number
  EXPECT_EQ(1u, eas_front_completed(ring, 0));
  EXPECT_EQ(2u, eas_front_completed(ring, 1));
  for (const int worker : {-1, 2, 1 << 30}) EXPECT_EQ(0u, eas_front_completed(ring, worker));
}

TEST(Recovery, AQuarantinedRequestRunsOnlyOnItsSoloWorker) {
  const TestRing ring;
  const int suspect = ring.Submit("suspect");
  ring.Take(0, 0);
  ring.Submit("innocent");
  eas_front_reset_worker(ring, 0, 1);
  ASSERT_EQ(0, eas_front_requeue_solo(ring, suspect, 0));
  uint32_t worker = 9;
  EXPECT_EQ(EAS_SUBMITTED, eas_front_phase(ring, suspect, &worker, nullptr));
  EXPECT_EQ(0u, worker);
  EXPECT_EQ("innocent", std::string(ring.Take(1, 0).input, 8));
  EXPECT_EQ(0, eas_front_waiting(ring));

  const eas_call call = ring.Take(0, 0);
  EXPECT_EQ("suspect", std::string(call.input, call.input_size));
  ring.Reply(call, "innocent after all");
  EXPECT_EQ("innocent after all", ring.Finish().output);

  ring.Submit("next");
  eas_front_leave_solo(ring, 0);
  EXPECT_EQ("next", std::string(ring.Take(0, 0).input, 4));
}

TEST(Recovery, AQuarantinedRequestCanBeCancelledOrGivenToAnyWorker) {
  const TestRing ring;
  const int suspect = ring.Submit("suspect");
  ring.Take(0, 0);
  eas_front_reset_worker(ring, 0, 1);
  ASSERT_EQ(0, eas_front_requeue_solo(ring, suspect, 0));
  eas_front_resubmit(ring, suspect);
  EXPECT_EQ("suspect", std::string(ring.Take(1, 0).input, 7));
  ASSERT_EQ(0, eas_front_requeue_solo(ring, suspect, 0));
  EXPECT_EQ(1, eas_front_cancel(ring, suspect));
  EXPECT_EQ(EAS_FREE, eas_front_phase(ring, suspect, nullptr, nullptr));
}

TEST(Recovery, WorkersThatDoNotExistAreIgnored) {
  const TestRing ring;
  const int slot = ring.Submit("x");
  eas_crash crash;
  for (const int worker : {-1, 2, 1 << 30}) {
    eas_front_reset_worker(ring, worker, 1);
    eas_front_leave_solo(ring, worker);
    EXPECT_EQ(-1, eas_front_requeue_solo(ring, slot, worker));
    EXPECT_EQ(0, eas_front_crash(ring, worker, &crash));
  }
  eas_call call;
  EXPECT_EQ(0, eas_worker_take(ring, 2, 0, &call));
  EXPECT_EQ(0, eas_worker_take(ring, 0, 5, &call));
}

// The front believes a record only if the slot's state agrees with it.
TEST(Recovery, ACrashRecordCannotBlameAnotherRequest) {
  const TestRing ring;
  const int mine = ring.Submit("mine");
  const int other = ring.Submit("other");
  ring.Take(0, 2);
  ring.Take(1, 2);
  WorkerRecord& record = ring->workers[0];
  record.crash.thread = 2;
  record.crash.sequence = 1;
  record.crash_frames.store(1'000'000);
  record.crash_kind.store(EAS_CRASH_SIGNAL);
  std::memset(record.crash.frame, 'x', sizeof(record.crash.frame));

  eas_crash crash;
  for (const auto& [claimed, believed] :
       {std::pair{mine, mine}, {other, -1}, {-1, -1}, {77777, -1}, {-77777, -1}}) {
    record.crash.slot = claimed;
    ASSERT_EQ(1, eas_front_crash(ring, 0, &crash));
    EXPECT_EQ(believed, crash.slot);
    EXPECT_EQ(uint32_t{EAS_FRAMES}, crash.frame_count);
    EXPECT_EQ('\0', crash.frame[EAS_FRAMES - 1][EAS_FRAME_TEXT - 1]);
  }
  record.crash.slot = mine;
  record.crash.sequence = 2;
  ASSERT_EQ(1, eas_front_crash(ring, 0, &crash));
  EXPECT_EQ(-1, crash.slot);
  eas_front_reset_worker(ring, 0, 0);
  EXPECT_EQ(0, eas_front_crash(ring, 0, &crash));
}

}  // namespace
}  // namespace eas
