// A worker writes garbage anywhere into the shared memory. The front must neither crash nor hang nor lose a
// slot, and after the worker's death the ring must work again.
#include <random>
#include <set>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::RingSize;
using testing::TestRing;

constexpr uint32_t kSlots = 40;

// Corrupts the ring. It writes through atomics, so that a sanitizer reports only what is wrong with the ring.
class Corruptor {
 public:
  Corruptor(const TestRing& ring, uint32_t seed) : ring_(ring), random_(seed) {}

  // Overwrites one word of the shared control data with garbage.
  void CorruptOneWord() {
    const uint64_t garbage = Garbage();
    const uint32_t slot = random_() % kSlots;
    switch (random_() % 12) {
      case 0:
        return ring_->header->tail.store(garbage);
      case 1:
        return ring_->header->head.store(garbage);
      case 2:
        return ring_->header->wake_count.store(static_cast<uint32_t>(garbage));
      case 3:
        return ring_->header->notify_threshold.store(static_cast<uint32_t>(garbage));
      case 4:
        return ring_->bitmap[random_() % ring_->layout.bitmap_words].store(garbage);
      case 5:
        return ring_->entries[random_() % ring_->layout.entries].store(static_cast<uint32_t>(garbage));
      case 6:
        return ring_->workers[random_() % 2].mode.store(garbage);
      case 7:
        return ring_->workers[random_() % 2].crash_kind.store(static_cast<int32_t>(garbage % 4));
      case 8:
        return ring_->controls[slot].state.store(PlausibleState(garbage, slot));
      case 9:
        return ring_->controls[slot].output_size.store(garbage);
      case 10:
        return ring_->controls[slot].input_size.store(garbage);
      default:
        return ring_->controls[slot].outcome.store(static_cast<int32_t>(garbage));
    }
  }

  uint32_t Random() { return static_cast<uint32_t>(random_()); }

 private:
  // Small numbers, numbers near the true ones, and arbitrary ones.
  uint64_t Garbage() {
    switch (random_() % 4) {
      case 0:
        return random_() % 8;
      case 1:
        return ring_->header->tail.load() + random_() % 8 - 4;
      case 2:
        return uint64_t{random_()} << (random_() % 33);
      default:
        return ~uint64_t{0} - random_() % 3;
    }
  }

  // Half of them with a sequence that the front may believe.
  uint64_t PlausibleState(uint64_t garbage, uint32_t slot) {
    const State true_state = Unpack(ring_->controls[slot].state.load());
    if (random_() % 2 == 0) return garbage;
    return Pack({static_cast<Phase>(Random() % 6), Random() % 4096, Random() % 4096, true_state.sequence});
  }

  const TestRing& ring_;
  std::mt19937 random_;
};

// Calls one of the functions that a front calls, chosen at random.
void DoSomething(const TestRing& ring, Corruptor& corruptor) {
  const int slot = static_cast<int>(corruptor.Random() % kSlots);
  uint32_t worker = 0;
  uint32_t thread = 0;
  eas_crash crash;
  switch (corruptor.Random() % 10) {
    case 0:
    case 1:
    case 2:
      ring.Submit("some body");
      return eas_front_wake(ring, 1);
    case 3:
      EXPECT_GE(eas_front_waiting(ring), 0);
      return;
    case 4:
      for (const Completion& done : ring.Drain()) {
        EXPECT_LT(static_cast<uint32_t>(done.slot), kSlots);
        EXPECT_LE(done.output.size(), ring->layout.output_span);
        eas_front_release(ring, done.slot);
      }
      return;
    case 5:
      eas_front_request_notification(ring);
      return;
    case 6:
      eas_front_cancel(ring, slot);
      return;
    case 7:
      if (eas_front_phase(ring, slot, &worker, &thread) == EAS_CORRUPT) eas_front_release(ring, slot);
      return;
    case 8:
      if (eas_front_crash(ring, slot % 3, &crash) == 1) {
        EXPECT_GE(crash.slot, -1);
        EXPECT_LT(crash.slot, static_cast<int>(kSlots));
      }
      return;
    default:
      eas_front_resubmit(ring, slot);
      if (corruptor.Random() % 4 == 0) eas_front_requeue_solo(ring, slot, slot % 3);
      if (corruptor.Random() % 4 == 0) eas_front_leave_solo(ring, slot % 3);
  }
}

// The corrupt worker is dead: the front releases all that is in flight, and a new worker serves.
void ExpectRecovery(const TestRing& ring) {
  for (int worker = 0; worker < 2; ++worker) eas_front_reset_worker(ring, worker, 0);
  ring.Drain();
  for (int slot = 0; slot < static_cast<int>(kSlots); ++slot) eas_front_release(ring, slot);
  EXPECT_EQ(0, eas_front_waiting(ring));
  ring.Drain();
  std::set<int> slots;
  for (uint32_t i = 0; i < kSlots; ++i) EXPECT_TRUE(slots.insert(ring.Submit(std::to_string(i))).second);
  EXPECT_EQ(static_cast<int>(kSlots), eas_front_waiting(ring));
  for (uint32_t i = 0; i < kSlots; ++i) {
    const eas_call call = ring.Take(0, 0);
    EXPECT_EQ(std::to_string(i), std::string(call.input, call.input_size));
    ring.Reply(call, "fine");
  }
  const std::vector<Completion> done = ring.Drain();
  EXPECT_EQ(kSlots, done.size());
  for (const Completion& one : done) EXPECT_EQ("fine", one.output);
}

TEST(Corruption, TheFrontSurvivesAnyCorruptWord) {
  for (uint32_t seed = 1; seed <= 40 && !::testing::Test::HasFailure(); ++seed) {
    const TestRing ring(RingSize(kSlots, 2, 5, 4096, 4096));
    Corruptor corruptor(ring, seed);
    for (int step = 0; step < 2000; ++step) {
      if (corruptor.Random() % 3 == 0) corruptor.CorruptOneWord();
      DoSomething(ring, corruptor);
    }
    ExpectRecovery(ring);
    EXPECT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

// Other workers survive the corruption, too: their threads end when they are told to.
TEST(Corruption, ConsumersSurviveAnyCorruptWord) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    const TestRing ring(RingSize(kSlots, 2, 5, 4096, 4096));
    Corruptor corruptor(ring, seed);
    std::vector<std::thread> consumers;
    for (uint32_t thread = 0; thread < 2; ++thread) {
      consumers.emplace_back([&ring, thread] {
        eas_call call;
        while (eas_worker_take(ring, 0, thread, &call) == 1) {
          EXPECT_LT(call.slot, kSlots);
          EXPECT_LE(call.input_size, 4096u);
          ring.Reply(call, "x", 0, 0, thread);
        }
      });
    }
    for (int step = 0; step < 2000; ++step) {
      if (corruptor.Random() % 3 == 0) corruptor.CorruptOneWord();
      DoSomething(ring, corruptor);
    }
    eas_worker_stop(ring);
    for (std::thread& consumer : consumers) consumer.join();
  }
}

TEST(Corruption, AnImpossibleOutputIsReportedWithoutBytes) {
  const TestRing ring(RingSize(2, 1, 1, 100, 100));
  const struct {
    int outcome;
    uint64_t size;
  } cases[] = {{EAS_RETURNED, 101}, {EAS_RETURNED, ~0ULL}, {EAS_RAISED, 4097}, {4, 0}, {-1, 0}, {1 << 30, 5}};
  for (const auto& one : cases) {
    ring.Submit("x");
    const eas_call call = ring.Take();
    eas_worker_complete(ring, 0, 0, &call, one.outcome, 0, one.size);
    const Completion done = ring.Finish();
    EXPECT_EQ(EAS_BAD_OUTPUT, done.outcome);
    EXPECT_EQ("", done.output);
  }
}

}  // namespace
}  // namespace eas
