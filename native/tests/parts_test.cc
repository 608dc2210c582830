// Answers in parts, and calls that no thread has.
#include "parts.h"

#include <string>
#include <thread>
#include <vector>

#include "batching.h"
#include "part_buffer.h"
#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::RingSize;
using testing::TestRing;

constexpr size_t kMore = 200'000;  // bytes that the buffer of a slot does not hold

class Parts : public ::testing::Test {
 protected:
  int Send(const eas_call& call, const std::string& part, uint32_t thread = 0, size_t* sent = nullptr) {
    size_t unused = 0;
    return eas_worker_send_part(ring_, 0, thread, &call, 200, part.data(), part.size(),
                                sent == nullptr ? &unused : sent);
  }

  std::string Read(int slot, size_t room = kMore) {
    std::string bytes(room, '\0');
    bytes.resize(eas_front_read_parts(ring_, slot, bytes.data(), room));
    return bytes;
  }

  // Of the next completion: slot, outcome, status, size. No outcome: there is none.
  Completion Next() {
    int64_t numbers[4] = {-1, -1, -1, -1};
    char copies[64];
    const int found = eas_front_collect(ring_, numbers, 1, copies, sizeof(copies));
    if (found == 0) return {-1, -1, -1, ""};
    return {static_cast<int>(numbers[0]), static_cast<int>(numbers[1]), static_cast<int>(numbers[2]),
            std::to_string(numbers[3])};
  }

  eas_call Begin() {
    slot_ = ring_.Submit("body");
    return ring_.Take();
  }

  TestRing ring_;
  int slot_ = -1;
};

TEST_F(Parts, AreReadAsTheyWereSent) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "one "));
  Completion next = Next();
  EXPECT_EQ(slot_, next.slot);
  EXPECT_EQ(EAS_PARTS, next.outcome);
  EXPECT_EQ(200, next.status);
  EXPECT_EQ("4", next.output);
  EXPECT_EQ("one ", Read(slot_));
  EXPECT_EQ(-1, Next().outcome);
  EXPECT_EQ(EAS_RUNNING, eas_front_phase(ring_, slot_, nullptr, nullptr));
  EXPECT_EQ(EAS_PART_SENT, Send(call, "two "));
  EXPECT_EQ(EAS_PART_SENT, Send(call, "three"));
  eas_worker_end_parts(ring_, 0, 0, &call, 500);
  next = Next();
  EXPECT_EQ(EAS_PARTS_ENDED, next.outcome);
  EXPECT_EQ(200, next.status) << "the first part has set it";
  EXPECT_EQ("9", next.output);
  EXPECT_EQ("two three", Read(slot_));
  eas_front_release(ring_, slot_);
  EXPECT_EQ(0, eas_front_in_flight(ring_));
  EXPECT_EQ(1u, eas_front_collected(ring_));
}

TEST_F(Parts, MayBeNone) {
  const eas_call call = Begin();
  eas_worker_end_parts(ring_, 0, 0, &call, 404);
  const Completion next = Next();
  EXPECT_EQ(EAS_PARTS_ENDED, next.outcome);
  EXPECT_EQ(404, next.status);
  EXPECT_EQ("0", next.output);
  EXPECT_EQ("", Read(slot_));
}

TEST_F(Parts, AreNotConfusedWithAnAnswer) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "part"));
  eas_worker_end_parts(ring_, 0, 0, &call, 200);
  EXPECT_EQ(EAS_PARTS_ENDED, Next().outcome);
  eas_front_release(ring_, slot_);
  const Completion answer = [this] {
    const eas_call next = Begin();
    EXPECT_EQ(-1, Next().outcome) << "the same slot is not in parts any more";
    ring_.Reply(next, "whole", 200);
    return ring_.Finish();
  }();
  EXPECT_EQ(EAS_RETURNED, answer.outcome);
  EXPECT_EQ("whole", answer.output);
}

TEST_F(Parts, WaitForRoom) {
  const eas_call call = Begin();
  const std::string all(kMore, 'x');
  size_t sent = 0;
  EXPECT_EQ(EAS_PART_FULL, Send(call, all, 0, &sent));
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, kMore);
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  const uint32_t events = eas_worker_events(ring_, 0);
  EXPECT_EQ(EAS_PART_FULL, Send(call, all));
  EXPECT_EQ(sent, Read(slot_).size());
  EXPECT_NE(events, eas_worker_events(ring_, 0)) << "the front has told the worker";
  EXPECT_EQ(EAS_PART_FULL, Send(call, all));
}

TEST_F(Parts, AFailureTakesTheirPlace) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "part"));
  const std::string why = "it threw";
  eas_worker_raised(ring_, 0, 0, &call, why.data(), why.size(), nullptr, 0);
  const Completion failed = ring_.Finish();
  EXPECT_EQ(EAS_RAISED, failed.outcome);
  EXPECT_EQ(why, failed.output);
}

TEST_F(Parts, AFailureIsToldWholeWhateverTheFrontIsAboutToWrite) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "part"));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  const std::string why(kMore, 'w');
  eas_worker_raised(ring_, 0, 0, &call, why.data(), why.size(), "frames", 6);
  PartBuffer buffer(*ring_.ring, static_cast<uint32_t>(slot_));  // as a front that has read before
  buffer.SetRead(4);
  buffer.waiter().store(0);
  const Completion failed = ring_.Finish();
  EXPECT_EQ(EAS_RAISED, failed.outcome);
  EXPECT_EQ(0, failed.status) << "there is no room for the frames";
  EXPECT_EQ(buffer.capacity(), failed.output.size());
  EXPECT_EQ(std::string::npos, failed.output.find_first_not_of('w'));
}

TEST_F(Parts, EndWhenNobodyWaits) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "part"));
  EXPECT_EQ(0, eas_worker_is_abandoned(ring_, &call));
  const uint32_t events = eas_worker_events(ring_, 0);
  eas_front_abandon(ring_, slot_);
  EXPECT_NE(events, eas_worker_events(ring_, 0));
  EXPECT_EQ(1, eas_worker_is_abandoned(ring_, &call));
  EXPECT_EQ(EAS_PART_CLOSED, Send(call, "part"));
  eas_worker_end_parts(ring_, 0, 0, &call, 200);
  EXPECT_EQ(EAS_PARTS_ENDED, Next().outcome);
  eas_front_release(ring_, slot_);
  const eas_call other = Begin();
  EXPECT_EQ(0, eas_worker_is_abandoned(ring_, &other)) << "the next request of the slot is another one";
  EXPECT_EQ(EAS_PART_CLOSED, Send(call, "late")) << "and the first call cannot write into it";
  ring_.Reply(other, "own");
  EXPECT_EQ("own", ring_.Finish().output);
}

TEST_F(Parts, CorruptCountsAreNotRead) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(call, "part"));
  ring_->controls[slot_].output_size.store(uint64_t{1} << 40);
  EXPECT_EQ(-1, Next().outcome);
  EXPECT_EQ("", Read(slot_));
  eas_worker_end_parts(ring_, 0, 0, &call, 200);
  EXPECT_EQ(EAS_BAD_OUTPUT | EAS_COPIED, Next().outcome);
}

TEST_F(Parts, DoNotCountAsInFlightForThatMany) {
  eas_front_set_max_streams(ring_, 1);
  eas_front_set_capacity(ring_, 1);
  const eas_call first = Begin();
  EXPECT_EQ(0, eas_front_has_room(ring_, 1));
  EXPECT_EQ(EAS_PART_SENT, Send(first, "part"));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  EXPECT_EQ(1, eas_front_has_room(ring_, 1));
  EXPECT_EQ(1, eas_front_in_flight(ring_));
  const eas_call second = Begin();
  EXPECT_EQ(EAS_PART_SENT, Send(second, "part"));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  EXPECT_EQ(0, eas_front_has_room(ring_, 1)) << "this one does";
  eas_worker_end_parts(ring_, 0, 0, &first, 200);
  eas_front_release(ring_, Next().slot);
  eas_worker_end_parts(ring_, 0, 0, &second, 200);
  eas_front_release(ring_, Next().slot);
  EXPECT_EQ(0, eas_front_in_flight(ring_));
  EXPECT_EQ(1, eas_front_has_room(ring_, 1));
}

TEST_F(Parts, ADetachedCallBelongsToNoThread) {
  const eas_call call = Begin();
  eas_worker_detach(ring_, 0, 0, &call);
  uint32_t thread = 0;
  EXPECT_EQ(EAS_RUNNING, eas_front_phase(ring_, slot_, nullptr, &thread));
  EXPECT_EQ(EAS_NO_THREAD, thread);
  ring_.Reply(call, "from its thread");
  EXPECT_EQ(-1, Next().outcome) << "that has it no more";
  ring_.Reply(call, "late", 200, 0, EAS_DETACHED);
  EXPECT_EQ("late", ring_.Finish().output);
}

TEST_F(Parts, AParkedCallGoesOnWhenThereIsRoom) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  eas_worker_park(ring_, 0, 0, &call);
  eas_call taken{};
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_for(ring_, 0, 1, &taken, 0));
  std::thread reader([this] { Read(slot_); });
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 1, &taken, testing::kTimeout));
  reader.join();
  EXPECT_EQ(call.slot, taken.slot);
  EXPECT_EQ(call.sequence, taken.sequence);
  EXPECT_EQ(EAS_PART_CLOSED, Send(call, "no", 0));
  EXPECT_EQ(EAS_PART_SENT, Send(taken, "yes", 1));
}

TEST_F(Parts, AParkedCallGoesOnHoweverLittleIsReadAtOnce) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  eas_worker_park(ring_, 0, 0, &call);
  eas_call taken{};
  EXPECT_EQ(1000u, Read(slot_, 1000).size());
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_for(ring_, 0, 1, &taken, 0)) << "it would stop at once";
  std::thread reader([this] {
    while (!Read(slot_, 1000).empty()) {
    }
  });
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 1, &taken, testing::kTimeout));
  reader.join();
}

TEST_F(Parts, AParkedCallThatGoesOnForNobodyIsFoundAfterALittleWasRead) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  eas_worker_park(ring_, 0, 0, &call);
  EXPECT_EQ(1000u, Read(slot_, 1000).size());
  eas_call taken{};
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_for(ring_, 0, 1, &taken, 0));
  std::thread front([this] { eas_front_abandon(ring_, slot_); });
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 1, &taken, testing::kTimeout));
  front.join();
}

TEST_F(Parts, AParkedCallGoesOnWhenNobodyWaits) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  eas_worker_park(ring_, 0, 0, &call);
  std::thread front([this] { eas_front_abandon(ring_, slot_); });
  eas_call taken{};
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 1, &taken, testing::kTimeout));
  front.join();
  EXPECT_EQ(EAS_PART_CLOSED, Send(taken, "more", 1));
}

TEST_F(Parts, AParkedCallGoesOnWhereNoRequestIsTaken) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  eas_worker_park(ring_, 0, 0, &call);
  eas_call taken{};
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_parked(ring_, 0, 1, &taken));
  Read(slot_);
  EXPECT_LE(0, eas_front_submit(ring_, "", 0));
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_parked(ring_, 0, 1, &taken));
  EXPECT_EQ(call.sequence, taken.sequence);
  EXPECT_EQ(EAS_TIMED_OUT, eas_worker_take_parked(ring_, 0, 1, &taken)) << "the request waits";
  EXPECT_EQ(EAS_PART_SENT, Send(taken, "yes", 1));
  eas_worker_stop(ring_);
  EXPECT_EQ(EAS_STOPPED, eas_worker_take_parked(ring_, 0, 1, &taken));
}

TEST_F(Parts, NewRequestsHaveTheirTurnBesideParkedCalls) {
  const eas_call call = Begin();
  EXPECT_EQ(EAS_PART_FULL, Send(call, std::string(kMore, 'x')));
  const int slow = slot_;
  EXPECT_EQ(EAS_PARTS, Next().outcome);
  eas_worker_park(ring_, 0, 0, &call);
  ring_.Submit("new");
  Read(slow);
  eas_call taken{};
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 0, &taken, 0));
  EXPECT_EQ(EAS_PART_FULL, Send(taken, std::string(kMore, 'x')));
  eas_worker_park(ring_, 0, 0, &taken);
  Read(slow);
  EXPECT_EQ(EAS_TAKEN, eas_worker_take_for(ring_, 0, 0, &taken, 0));
  ring_.Reply(taken, "answer");
  EXPECT_EQ(EAS_RESUMED, eas_worker_take_for(ring_, 0, 0, &taken, 0));
}

TEST_F(Parts, WakeTheFrontThatSleeps) {
  const eas_call call = Begin();
  constexpr int kParts = 20'000;
  std::thread worker([this, &call] {
    for (int part = 0; part < kParts; ++part) {
      const std::string text = std::to_string(part) + "\n";
      for (size_t done = 0; done < text.size();) {
        const uint32_t seen = eas_worker_events(ring_, 0);
        size_t sent = 0;
        const int result = Send(call, text.substr(done), 0, &sent);
        done += sent;
        if (result == EAS_PART_FULL) eas_worker_wait_for_event(ring_, 0, seen, testing::kTimeout);
      }
    }
    eas_worker_end_parts(ring_, 0, 0, &call, 200);
  });
  std::string all;
  for (int outcome = EAS_PARTS; outcome != EAS_PARTS_ENDED;) {
    const Completion next = Next();
    if (next.outcome < 0) {
      ring_.Sleep();
      continue;
    }
    outcome = next.outcome;
    for (std::string bytes; !(bytes = Read(next.slot, 5000)).empty();) all += bytes;
  }
  worker.join();
  std::string expected;
  for (int part = 0; part < kParts; ++part) expected += std::to_string(part) + "\n";
  EXPECT_EQ(expected, all);
}

TEST_F(Parts, AStopEndsTheWaitForEvents) {
  const uint32_t seen = eas_worker_events(ring_, 0);
  std::thread waiting([this, seen] { eas_worker_wait_for_event(ring_, 0, seen, -1); });
  eas_worker_stop(ring_);
  waiting.join();
}

}  // namespace
}  // namespace eas
