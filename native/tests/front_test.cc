// The front's functions. The same thread plays the worker, and takes only requests that wait.
#include "front.h"

#include <map>
#include <set>

#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::Occupied;
using testing::RingSize;
using testing::TestRing;

TEST(Front, ARequestIsTakenAnsweredAndDrained) {
  const TestRing ring;
  const int slot = ring.Submit("question");
  ASSERT_GE(slot, 0);
  EXPECT_EQ(EAS_SUBMITTED, eas_front_phase(ring, slot, nullptr, nullptr));

  const eas_call call = ring.Take(1, 3);
  EXPECT_EQ(static_cast<uint32_t>(slot), call.slot);
  EXPECT_EQ("question", std::string(call.input, call.input_size));
  EXPECT_EQ('\0', call.input[call.input_size]);
  uint32_t worker = 9;
  uint32_t thread = 9;
  EXPECT_EQ(EAS_RUNNING, eas_front_phase(ring, slot, &worker, &thread));
  EXPECT_EQ(1u, worker);
  EXPECT_EQ(3u, thread);

  ring.Reply(call, "answer", 207, 1, 3);
  const std::vector<Completion> done = ring.Drain();
  ASSERT_EQ(1u, done.size());
  EXPECT_EQ(slot, done[0].slot);
  EXPECT_EQ(EAS_RETURNED, done[0].outcome);
  EXPECT_EQ(207, done[0].status);
  EXPECT_EQ("answer", done[0].output);
  EXPECT_TRUE(ring.Drain().empty());
  eas_front_release(ring, slot);
  EXPECT_EQ(EAS_FREE, eas_front_phase(ring, slot, nullptr, nullptr));
}

TEST(Front, AnEmptyBodyIsARequest) {
  const TestRing ring;
  ASSERT_GE(ring.Submit(""), 0);
  const eas_call call = ring.Take();
  EXPECT_EQ(0u, call.input_size);
  EXPECT_EQ('\0', call.input[0]);
  ring.Reply(call, "");
  EXPECT_EQ("", ring.Finish().output);
}

TEST(Front, ABodyArrivesInPieces) {
  const TestRing ring;
  const int slot = eas_front_reserve(ring);
  EXPECT_EQ(EAS_FREE, eas_front_phase(ring, slot, nullptr, nullptr));
  EXPECT_EQ(0, eas_front_write(ring, slot, 0, "one ", 4));
  EXPECT_EQ(0, eas_front_waiting(ring));
  EXPECT_EQ(0, eas_front_write(ring, slot, 4, "two", 3));
  EXPECT_EQ(0, eas_front_write(ring, slot, 7, nullptr, 0));
  eas_front_publish(ring, slot, 7);
  EXPECT_EQ(1, eas_front_waiting(ring));
  const eas_call call = ring.Take();
  EXPECT_EQ("one two", std::string(call.input, call.input_size));
}

TEST(Front, NothingIsWrittenOutsideOfABodyOrIntoAnotherSlot) {
  const TestRing ring(RingSize(2, 1, 1, 10));
  const std::string eleven(11, 'x');
  EXPECT_EQ(-1, ring.Submit(eleven));
  const int slot = eas_front_reserve(ring);
  EXPECT_EQ(0, eas_front_write(ring, slot, 0, eleven.data(), 10));
  EXPECT_EQ(0, eas_front_write(ring, slot, 10, eleven.data(), 0));
  EXPECT_EQ(-1, eas_front_write(ring, slot, 0, eleven.data(), 11));
  EXPECT_EQ(-1, eas_front_write(ring, slot, 10, eleven.data(), 1));
  EXPECT_EQ(-1, eas_front_write(ring, slot, SIZE_MAX, eleven.data(), 2));
  for (const int foreign : {-1, 1 - slot, 2, 1 << 30})
    EXPECT_EQ(-1, eas_front_write(ring, foreign, 0, "x", 1));
  eas_front_publish(ring, slot, 10);
  EXPECT_EQ(-1, eas_front_write(ring, slot, 0, "x", 1));
}

TEST(Front, SlotsThatDoNotExistAreIgnored) {
  const TestRing ring;
  for (const int slot : {-1, 8, 1 << 30, INT32_MIN}) {
    eas_front_publish(ring, slot, 0);
    eas_front_release(ring, slot);
    eas_front_resubmit(ring, slot);
    EXPECT_EQ(0, eas_front_cancel(ring, slot));
    EXPECT_EQ(EAS_FREE, eas_front_phase(ring, slot, nullptr, nullptr));
    EXPECT_EQ(-1, eas_front_requeue_solo(ring, slot, 0));
  }
  EXPECT_EQ(0, eas_front_waiting(ring));
}

TEST(Front, AFullRingRefusesRequestsAndRecovers) {
  const TestRing ring(RingSize(4));
  std::set<int> slots;
  for (int i = 0; i < 4; ++i) slots.insert(ring.Submit("x"));
  EXPECT_EQ(4u, slots.size());
  EXPECT_EQ(-1, ring.Submit("y"));
  EXPECT_EQ(-1, eas_front_reserve(ring));
  EXPECT_EQ(4, eas_front_waiting(ring));
  const eas_call call = ring.Take();
  ring.Reply(call, "");
  EXPECT_EQ(-1, ring.Submit("y"));  // complete, but still the front's
  ring.Finish();
  EXPECT_GE(ring.Submit("y"), 0);
}

TEST(Front, ASlotIsReleasedOnce) {
  const TestRing ring(RingSize(2));
  const int slot = eas_front_reserve(ring);
  eas_front_release(ring, slot);
  eas_front_release(ring, slot);
  EXPECT_NE(eas_front_reserve(ring), eas_front_reserve(ring));
  EXPECT_EQ(-1, eas_front_reserve(ring));
}

TEST(Front, TheSlotUsedLastIsUsedNext) {
  const TestRing ring;
  const int slot = eas_front_reserve(ring);
  eas_front_release(ring, slot);
  EXPECT_EQ(slot, eas_front_reserve(ring));
}

TEST(Front, RequestsAreTakenInOrderAndTheRingWrapsAround) {
  const TestRing ring(RingSize(3));  // 16 entries
  int next = 0;
  for (int round = 0; round < 1000; ++round) {
    for (int i = 0; i < 3; ++i) ASSERT_GE(ring.Submit(std::to_string(3 * round + i)), 0);
    for (int i = 0; i < 3; ++i) {
      const eas_call call = ring.Take();
      ASSERT_EQ(std::to_string(next++), std::string(call.input, call.input_size));
      ring.Reply(call, "");
    }
    for (const Completion& done : ring.Drain()) eas_front_release(ring, done.slot);
  }
  EXPECT_EQ(0, eas_front_waiting(ring));
}

TEST(Front, CancelTakesBackARequestThatNoWorkerHasTaken) {
  const TestRing ring;
  const int first = ring.Submit("first");
  const int second = ring.Submit("second");
  EXPECT_EQ(1, eas_front_cancel(ring, first));
  EXPECT_EQ(0, eas_front_cancel(ring, first));
  EXPECT_EQ(1, eas_front_waiting(ring));
  const eas_call call = ring.Take();  // skips the stale entry
  EXPECT_EQ(static_cast<uint32_t>(second), call.slot);
  EXPECT_EQ(0, eas_front_cancel(ring, second));
  ring.Reply(call, "done");
  EXPECT_EQ(0, eas_front_cancel(ring, second));
  EXPECT_EQ("done", ring.Finish().output);
}

TEST(Front, WaitingDoesNotCountTheCancelled) {
  const TestRing ring;
  std::vector<int> slots;
  for (int i = 0; i < 6; ++i) slots.push_back(ring.Submit("x"));
  EXPECT_EQ(6, eas_front_waiting(ring));
  EXPECT_EQ(1, eas_front_cancel(ring, slots[2]));
  EXPECT_EQ(5, eas_front_waiting(ring));
  EXPECT_EQ(1, eas_front_cancel(ring, slots[0]));
  EXPECT_EQ(1, eas_front_cancel(ring, slots[5]));
  EXPECT_EQ(3, eas_front_waiting(ring));
  for (const int slot : {1, 3, 4}) EXPECT_EQ(1, eas_front_cancel(ring, slots[static_cast<size_t>(slot)]));
  EXPECT_EQ(0, eas_front_waiting(ring));
}

// While no worker is alive, only the front skips stale entries.
TEST(Front, AFloodOfStaleEntriesLosesNothing) {
  const TestRing ring(RingSize(4));  // 16 entries
  const int patient = ring.Submit("patient");
  for (int i = 0; i < 1000; ++i) {
    const int slot = ring.Submit(std::to_string(i));
    ASSERT_GE(slot, 0);
    ASSERT_EQ(1, eas_front_cancel(ring, slot));
  }
  ASSERT_GE(ring.Submit("last"), 0);
  EXPECT_EQ(2, eas_front_waiting(ring));
  EXPECT_EQ(static_cast<uint32_t>(patient), ring.Take(0, 0).slot);
  const eas_call call = ring.Take(0, 1);
  EXPECT_EQ("last", std::string(call.input, call.input_size));
  EXPECT_EQ(0, eas_front_waiting(ring));
}

TEST(Front, DrainKeepsWhatDoesNotFit) {
  const TestRing ring(RingSize(200));
  std::set<int64_t> expected;
  for (int i = 0; i < 150; ++i) {
    expected.insert(ring.Submit("x"));
    ring.Reply(ring.Take(), "");
  }
  std::set<int64_t> seen;
  int64_t out[4 * 7];
  for (int count; (count = eas_front_drain(ring, out, 7)) > 0;) {
    EXPECT_LE(count, 7);
    for (int i = 0; i < count; ++i) EXPECT_TRUE(seen.insert(out[4 * i]).second);
  }
  EXPECT_EQ(expected, seen);
}

TEST(Front, CollectCopiesWhatFitsAndReleasesIt) {
  const TestRing ring;
  for (const char* output : {"12345", "", "too long by far", "678"}) {
    ring.Submit("x");
    ring.Reply(ring.Take(), output, 200);
  }
  int64_t out[4 * 8];
  char copies[9];
  ASSERT_EQ(4, eas_front_collect(ring, out, 8, copies, sizeof(copies)));
  std::string copied;
  for (int i = 0; i < 4; ++i) {
    const int64_t* done = out + 4 * i;
    EXPECT_EQ(200, done[2]);
    const bool fits = done[3] <= 5;
    EXPECT_EQ(fits ? EAS_RETURNED | EAS_COPIED : EAS_RETURNED, done[1]);
    if (fits) {
      copied.append(copies + copied.size(), static_cast<size_t>(done[3]));
    } else {
      EXPECT_STREQ("too long by far",
                   std::string(eas_slot_output(ring, static_cast<uint32_t>(done[0])), 15).c_str());
    }
  }
  EXPECT_EQ(8u, copied.size());
  EXPECT_NE(std::string::npos, copied.find("12345"));
  EXPECT_NE(std::string::npos, copied.find("678"));
  for (int i = 0; i < 7; ++i) EXPECT_GE(eas_front_reserve(ring), 0);
  EXPECT_EQ(-1, eas_front_reserve(ring));  // the one that did not fit is still the front's
}

TEST(Front, TheEventfdIsWrittenOnceAndOnlyOnRequest) {
  const TestRing ring;
  uint64_t count = 0;
  for (int i = 0; i < 3; ++i) ring.Submit("x");
  ring.Reply(ring.Take(), "");
  EXPECT_EQ(-1, read(ring.eventfd, &count, sizeof(count)));  // not requested
  EXPECT_EQ(0, eas_front_request_notification(ring));        // something is complete already
  EXPECT_EQ(1u, ring.Drain().size());
  EXPECT_EQ(1, eas_front_request_notification(ring));
  ring.Reply(ring.Take(), "");
  ring.Reply(ring.Take(), "");
  ASSERT_EQ(ssize_t{sizeof(count)}, read(ring.eventfd, &count, sizeof(count)));
  EXPECT_EQ(1u, count);
  EXPECT_EQ(2u, ring.Drain().size());
}

// The front is notified when a quarter of the waiting requests is complete, 8 at most.
TEST(Front, WhileManyWaitTheEventfdIsWrittenForSeveral) {
  const std::vector<std::pair<int, int>> waiting_and_wanted = {{0, 1}, {7, 1}, {8, 2}, {31, 7}, {60, 8}};
  for (const auto& [waiting, wanted] : waiting_and_wanted) {
    const TestRing ring(RingSize(80, 2, 8));
    std::vector<eas_call> calls;
    for (int i = 0; i < wanted + waiting; ++i) ring.Submit("x");
    for (int i = 0; i < wanted; ++i) calls.push_back(ring.Take(0, static_cast<uint32_t>(i)));
    ASSERT_EQ(waiting, eas_front_waiting(ring));
    ASSERT_EQ(1, eas_front_request_notification(ring));
    uint64_t count = 0;
    for (int i = 0; i < wanted; ++i) {
      EXPECT_EQ(-1, read(ring.eventfd, &count, sizeof(count))) << i << " of " << wanted;
      ring.Reply(calls[static_cast<size_t>(i)], "", 0, 0, static_cast<uint32_t>(i));
    }
    EXPECT_EQ(ssize_t{sizeof(count)}, read(ring.eventfd, &count, sizeof(count))) << wanted;
    EXPECT_EQ(0, eas_front_request_notification(ring)) << "so many are complete";
  }
}

TEST(Front, ALateCompletionOfAReleasedSlotIsIgnored) {
  const TestRing ring(RingSize(1));
  ring.Submit("first life");
  const eas_call call = ring.Take(0, 0);
  eas_front_release(ring, static_cast<int>(call.slot));
  ring.Submit("second life");
  ring.Reply(call, "late");
  EXPECT_TRUE(ring.Drain().empty());
  const eas_call second = ring.Take(0, 1);
  EXPECT_EQ("second life", std::string(second.input, second.input_size));
  ring.Reply(call, "later");  // thread 0 does not run it
  EXPECT_TRUE(ring.Drain().empty());
  ring.Reply(second, "in time", 0, 0, 1);
  EXPECT_EQ("in time", ring.Finish().output);
}

TEST(Front, LargeBodiesGiveTheirMemoryBack) {
  constexpr uint64_t kMebibyte = 1 << 20;
  const TestRing ring(RingSize(4, 1, 1, 16 * kMebibyte, 16 * kMebibyte));
  const std::string large(9 * kMebibyte, 'x');
  const uint64_t before = Occupied(ring);

  ring.Submit(large);
  ring.Reply(ring.Take(), large);
  EXPECT_GE(Occupied(ring), before + 18 * kMebibyte);
  EXPECT_EQ(large, ring.Finish().output);
  EXPECT_LT(Occupied(ring), before + kMebibyte / 4);

  const std::string small(kMebibyte, 'y');  // not above the limit: kept for the next request
  ring.Submit(small);
  ring.Reply(ring.Take(), small);
  ring.Finish();
  EXPECT_GE(Occupied(ring), before + 2 * kMebibyte);

  const int slot = eas_front_reserve(ring);  // an upload that was given up
  eas_front_write(ring, slot, 0, large.data(), large.size());
  eas_front_release(ring, slot);
  EXPECT_LT(Occupied(ring), before + kMebibyte + kMebibyte / 4);

  ring.Submit("small");  // its worker dies while it writes a large output
  std::memset(ring.Take().output, 'z', large.size());
  EXPECT_GE(Occupied(ring), before + 9 * kMebibyte);
  eas_front_release(ring, slot);
  EXPECT_LT(Occupied(ring), before + kMebibyte / 4);
}

TEST(Front, ALargeBodyIsGivenBackBeforeItsOutputIsCopied) {
  constexpr uint64_t kMebibyte = 1 << 20;
  const TestRing ring(RingSize(4, 1, 1, 16 * kMebibyte, 16 * kMebibyte));
  const uint64_t before = Occupied(ring);
  ring.Submit(std::string(9 * kMebibyte, 'x'));
  ring.Reply(ring.Take(), std::string(kMebibyte, 'y'));
  EXPECT_GE(Occupied(ring), before + 10 * kMebibyte);
  int64_t out[4];
  ASSERT_EQ(1, eas_front_drain(ring, out, 1));
  EXPECT_LT(Occupied(ring), before + kMebibyte + kMebibyte / 4);
  EXPECT_EQ('y', *eas_slot_output(ring, static_cast<uint32_t>(out[0])));
}

TEST(Front, TrimmedSlotsAreEmptyAndUsable) {
  constexpr uint64_t kMebibyte = 1 << 20;
  const TestRing ring(RingSize(4, 1, 1, kMebibyte, kMebibyte));
  const uint64_t before = Occupied(ring);
  const std::string body(kMebibyte, 'x');
  ring.Submit(body);
  ring.Reply(ring.Take(), body);
  ring.Finish();
  const int uploading = eas_front_reserve(ring);
  eas_front_write(ring, uploading, 0, body.data(), body.size());
  ring.Submit(body);
  EXPECT_GE(Occupied(ring), before + 2 * kMebibyte);
  eas_front_trim(ring);  // those two are in use, and stay as they are
  EXPECT_GE(Occupied(ring), before + 2 * kMebibyte);
  ring.Reply(ring.Take(), body);
  EXPECT_EQ(body, ring.Finish().output);
  eas_front_release(ring, uploading);
  eas_front_trim(ring);
  EXPECT_LT(Occupied(ring), before + kMebibyte / 4);
  for (int round = 0; round < 2; ++round) {
    ring.Submit(body);
    ring.Reply(ring.Take(), body);
    EXPECT_EQ(body, ring.Finish().output);
    eas_front_trim(ring);
    EXPECT_LT(Occupied(ring), before + kMebibyte / 4);
  }
}

}  // namespace
}  // namespace eas
