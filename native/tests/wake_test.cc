// While many requests wait, one wake-up is under way at a time: another one waits until the thread that was
// woken has looked at the queue, or was killed before it could.
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::kTimeout;
using testing::RingSize;
using testing::TestRing;

constexpr int kMany = 9;

void SubmitMany(const TestRing& ring) {
  for (int i = 0; i < kMany; ++i) ring.Submit("x");
}

uint64_t WakeUps(const TestRing& ring) { return ring->header->wake_ups.load(); }

TEST(Wake, NoFurtherThreadIsWokenBeforeOneHasLooked) {
  const TestRing ring(RingSize(16));
  ring->header->waking.store(1);
  SubmitMany(ring);
  eas_front_wake_one_if_idle(ring);
  EXPECT_EQ(0u, WakeUps(ring));
  ring->header->waking.store(0);
  eas_front_wake_one_if_idle(ring);
  EXPECT_EQ(1u, WakeUps(ring));
}

TEST(Wake, AFurtherThreadIsWokenForFewRequests) {
  const TestRing ring(RingSize(16));
  ring->header->waking.store(1);
  ring.Submit("x");
  eas_front_wake_one_if_idle(ring);
  EXPECT_EQ(1u, WakeUps(ring));
}

TEST(Wake, WhereNobodySleepsNoneIsUnderWay) {
  const TestRing ring;
  ring.Submit("x");
  eas_front_wake_one_if_idle(ring);
  EXPECT_EQ(0u, ring->header->waking.load());
}

TEST(Wake, AThreadThatWasWokenSaysThatItLooks) {
  for (int i = 0; i < 20; ++i) {
    const TestRing ring;
    int taken = -1;
    std::thread taker([&] {
      eas_call call{};
      taken = eas_worker_take_for(ring, 0, 0, &call, kTimeout);
    });
    if (i % 2 == 0) std::this_thread::yield();
    ring.Submit("x");
    eas_front_wake_one_if_idle(ring);
    taker.join();
    EXPECT_EQ(EAS_TAKEN, taken);
    EXPECT_EQ(0u, ring->header->waking.load());
  }
}

TEST(Wake, AThreadThatWasKilledKeepsNobodyAsleep) {
  const TestRing ring(RingSize(16));
  ring->header->waking.store(1);  // the thread that was to clear it is gone
  int taken = -1;
  std::thread taker([&] {
    eas_call call{};
    taken = eas_worker_take_for(ring, 0, 0, &call, kTimeout);
  });
  SubmitMany(ring);
  eas_front_wake_one_if_idle(ring);
  while (eas_front_waiting(ring) == kMany) eas_front_wake(ring, 1);  // as the front does for what waits long
  taker.join();
  EXPECT_EQ(EAS_TAKEN, taken);
}

}  // namespace
}  // namespace eas
