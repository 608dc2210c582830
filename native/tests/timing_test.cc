// Where the time of a request went, if requests are timed.
#include "timing.h"

#include "testing.h"

namespace eas {
namespace {

using testing::RingSize;
using testing::TestRing;

eas_timing TimingOf(const TestRing& ring, int slot) {
  eas_timing timing{};
  eas_front_timing(ring, slot, &timing);
  return timing;
}

TEST(Timing, EachRequestHasItsWorkerAndItsTimes) {
  const TestRing ring(RingSize(4, 3, 2));
  eas_front_time_requests(ring);
  for (int i = 0; i < 20; ++i) {  // soon calls are quick, and would not be timed otherwise
    const uint64_t before = Now();
    const int slot = ring.Submit("");
    const eas_call call = ring.Take(2, 1);
    const uint64_t taken = Now();
    while (Now() - taken < 1000) {
    }
    ring.Reply(call, "", 200, 2, 1);
    const uint64_t after = Now();
    ring.Finish();
    const eas_timing timing = TimingOf(ring, slot);  // although the slot is free
    EXPECT_EQ(2u, timing.worker);
    EXPECT_GE(timing.call_nanoseconds, 1000u);
    EXPECT_LE(timing.call_nanoseconds, after - before);
    // The queue begins with the iteration of the front's loop, which ends with a wake-up.
    EXPECT_LE(timing.queue_nanoseconds + timing.call_nanoseconds, after - before);
    eas_front_wake_one_if_idle(ring);
  }
}

TEST(Timing, ANonsenseTimeIsZero) {
  const TestRing ring;
  eas_front_time_requests(ring);
  const int slot = ring.Submit("");
  const eas_call call = ring.Take();
  ring.Reply(call, "");
  ring->controls[slot].taken.store(UINT64_MAX);
  ring->controls[slot].completed.store(1);
  ring.Finish();
  EXPECT_EQ(0u, TimingOf(ring, slot).call_nanoseconds);
  EXPECT_EQ(0u, TimingOf(ring, -1).worker);
  EXPECT_EQ(0u, TimingOf(ring, 1 << 20).worker);
}

TEST(Timing, NothingIsWrittenWithoutIt) {
  const TestRing ring;
  const int slot = ring.Submit("");
  ring.Reply(ring.Take(), "");
  ring.Finish();
  EXPECT_EQ(0u, ring->controls[slot].taken.load());
  EXPECT_EQ(0u, ring->controls[slot].completed.load());
  EXPECT_EQ(0u, TimingOf(ring, slot).call_nanoseconds);
}

}  // namespace
}  // namespace eas
