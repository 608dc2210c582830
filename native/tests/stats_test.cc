// Which requests the statistics count, and which they do not.
#include "stats.h"

#include <climits>
#include <numeric>
#include <thread>

#include "ring.h"
#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::RingSize;
using testing::TestRing;

constexpr int kBuckets = 15;
// Nanoseconds: above the last bound; and twice that is less than this machine's uptime, because no request
// starts before that.
constexpr int64_t kLong = 15'000'000'000;

eas_stats Read(const TestRing& ring) {
  eas_stats stats;
  eas_front_stats(ring, &stats);
  return stats;
}

uint64_t Total(const eas_stats& stats) {
  return std::accumulate(std::begin(stats.latency), std::end(stats.latency), uint64_t{0});
}

void Answer(const TestRing& ring, int status, const std::string& output = "") {
  ring.Submit("");
  ring.Reply(ring.Take(), output, status);
  ring.Finish();
}

TEST(Stats, AtFirstNothingIsCounted) {
  const TestRing ring;
  const eas_stats stats = Read(ring);
  const eas_stats nothing{};
  EXPECT_EQ(0, std::memcmp(&nothing, &stats, sizeof(stats)));
}

TEST(Stats, ReturnsAreCountedByTheirStatus) {
  const TestRing ring;
  for (const int status : {0, 200, 200, 999, 1000, -1, INT_MIN, INT_MAX}) Answer(ring, status);
  const eas_stats stats = Read(ring);
  EXPECT_EQ(1u, stats.returned[0]);
  EXPECT_EQ(2u, stats.returned[200]);
  EXPECT_EQ(1u, stats.returned[999]);
  EXPECT_EQ(4u, stats.returned_other);
  EXPECT_EQ(8u, Total(stats));
  EXPECT_EQ(4u, std::accumulate(std::begin(stats.returned), std::end(stats.returned), uint64_t{0}));
  EXPECT_EQ(0u, stats.raised + stats.bad);
}

TEST(Stats, FramesAreNoBytesOfTheAnswer) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  ring.Submit("");
  const eas_call call = ring.Take();
  eas_worker_raised(ring, 0, 0, &call, "why", 3, "\n  at f", 7);
  ring.Finish();
  EXPECT_EQ(3u, Read(ring).bytes_out);
}

TEST(Stats, FailuresAreCountedByTheirKind) {
  const TestRing ring(RingSize(2, 1, 1, 100, 10));
  const LogCatcher log;
  for (const int outcome : {EAS_RAISED, EAS_RAISED, EAS_BAD_OUTPUT}) {
    ring.Submit("");
    const eas_call call = ring.Take();
    eas_worker_reply(ring, 0, 0, &call, outcome, 200, "why", 3);
    ring.Finish();
  }
  Answer(ring, 200, "too large by one byte");
  const eas_stats stats = Read(ring);
  EXPECT_EQ(2u, stats.raised);
  EXPECT_EQ(2u, stats.bad);
  EXPECT_EQ(0u, stats.returned[200]);
  EXPECT_EQ(4u, Total(stats));
}

TEST(Stats, EachBoundIsTheLastOfItsBucket) {
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    Stats stats;
    const uint64_t above = bucket == 0 ? 0 : eas_latency_bounds[bucket - 1] + 1;
    const uint64_t bound = bucket == kBuckets - 1 ? UINT64_MAX / 4 : eas_latency_bounds[bucket];
    for (const uint64_t nanoseconds : {above, bound}) stats.Completed(EAS_RETURNED, 200, 0, nanoseconds);
    EXPECT_EQ(2u, stats.all().latency[bucket]) << bucket;
    EXPECT_EQ(2u, Total(stats.all())) << bucket;
    EXPECT_EQ(above + bound, stats.all().latency_nanoseconds);
  }
}

TEST(Stats, LatencyIsTheTimeFromPublishingToDraining) {
  const TestRing ring;
  const int slot = eas_front_reserve(ring);
  const uint64_t before = Now();
  eas_front_publish(ring, slot, 0);
  const uint64_t published = Now();
  ring.Reply(ring.Take(), "");
  std::this_thread::yield();
  const uint64_t completed = Now();
  ring.Drain();
  const uint64_t after = Now();
  const eas_stats stats = Read(ring);
  EXPECT_GE(stats.latency_nanoseconds, completed - published);
  EXPECT_LE(stats.latency_nanoseconds, after - before);
}

TEST(Stats, ARequestCanStartEarlier) {
  const TestRing ring;
  const int slot = ring.Submit("");
  eas_front_start_earlier(ring, slot, -kLong);
  eas_front_start_earlier(ring, slot, kLong);
  const eas_call call = ring.Take();
  eas_front_start_earlier(ring, slot, kLong);  // also while it runs
  ring.Reply(call, "");
  ring.Drain();
  eas_front_start_earlier(ring, slot, kLong);  // too late
  eas_front_release(ring, slot);
  const eas_stats stats = Read(ring);
  EXPECT_EQ(1u, stats.latency[kBuckets - 1]);
  EXPECT_EQ(2, static_cast<int64_t>(stats.latency_nanoseconds) / kLong);

  Answer(ring, 200);  // the slot's next request has its own begin
  EXPECT_EQ(2, static_cast<int64_t>(Read(ring).latency_nanoseconds) / kLong);
}

// A start time before the clock's own start is moved up to it, and the request is counted.
TEST(Stats, ARequestDoesNotStartBeforeTheClock) {
  const TestRing ring;
  const uint64_t before = Now();
  const int slot = ring.Submit("");
  for (int i = 0; i < 3; ++i) eas_front_start_earlier(ring, slot, INT64_MAX);
  ring.Reply(ring.Take(), "");
  ring.Finish();
  const eas_stats stats = Read(ring);
  EXPECT_EQ(1u, Total(stats));
  EXPECT_GE(stats.latency_nanoseconds, before - 1);
  EXPECT_LE(stats.latency_nanoseconds, Now());
}

TEST(Stats, BytesAreCountedBothWays) {
  const TestRing ring;
  ring.Submit("eight by");
  const int slot = eas_front_reserve(ring);
  eas_front_write(ring, slot, 0, "one two three", 13);
  eas_front_publish(ring, slot, 7);
  EXPECT_EQ(15u, Read(ring).bytes_in);
  ring.Reply(ring.Take(), "12345");
  const eas_call call = ring.Take();
  eas_worker_reply(ring, 0, 0, &call, EAS_RAISED, 0, "why", 3);
  EXPECT_EQ(0u, Read(ring).bytes_out);
  ring.Drain();
  EXPECT_EQ(8u, Read(ring).bytes_out);
  EXPECT_EQ(15u, Read(ring).bytes_in);
}

TEST(Stats, CollectedRequestsAreCountedLikeDrainedOnes) {
  const TestRing ring;
  for (const char* output : {"12345", "too long by far"}) {
    ring.Submit("");
    ring.Reply(ring.Take(), output, 200);
  }
  int64_t out[4 * 8];
  char copies[9];
  ASSERT_EQ(2, eas_front_collect(ring, out, 8, copies, sizeof(copies)));
  EXPECT_EQ(0, eas_front_collect(ring, out, 8, copies, sizeof(copies)));
  const eas_stats stats = Read(ring);
  EXPECT_EQ(2u, stats.returned[200]);
  EXPECT_EQ(20u, stats.bytes_out);
}

TEST(Stats, CompletionsThatDoNotFitAreCountedLaterAndOnce) {
  const TestRing ring(RingSize(200));
  for (int i = 0; i < 150; ++i) {
    ring.Submit("");
    ring.Reply(ring.Take(), "", 200);
  }
  int64_t out[4 * 7];
  uint64_t counted = 0;
  for (int found; (found = eas_front_drain(ring, out, 7)) > 0;) {
    counted += static_cast<uint64_t>(found);
    EXPECT_EQ(counted, Read(ring).returned[200]);
  }
  EXPECT_EQ(150u, counted);
}

TEST(Stats, UnansweredRequestsAreNotCounted) {
  const TestRing ring;
  EXPECT_EQ(1, eas_front_cancel(ring, ring.Submit("cancelled")));
  eas_front_release(ring, ring.Submit("released"));
  const int dead = ring.Submit("its worker died");
  const eas_call call = ring.Take();
  eas_front_release(ring, dead);
  ring.Reply(call, "");
  EXPECT_TRUE(ring.Drain().empty());
  EXPECT_EQ(0u, Total(Read(ring)));
}

TEST(Stats, ExcludedRequestsAreNotCounted) {
  const TestRing ring(RingSize(1));
  const int slot = ring.Submit("body");
  const eas_call call = ring.Take();
  eas_front_exclude_from_stats(ring, slot);
  eas_front_start_earlier(ring, slot, kLong);  // does not bring it back
  ring.Reply(call, "output", 200);
  ring.Finish();
  EXPECT_EQ(0u, Total(Read(ring)));
  EXPECT_EQ(0u, Read(ring).returned[200]);
  EXPECT_EQ(0u, Read(ring).bytes_out);
  EXPECT_EQ(4u, Read(ring).bytes_in);
  Answer(ring, 200);  // the slot's next request
  EXPECT_EQ(1u, Read(ring).returned[200]);
}

TEST(Stats, ARequestThatRunsAgainIsCountedOnceFromItsFirstStart) {
  const TestRing ring;
  const int again = ring.Submit("again");
  const int alone = ring.Submit("alone");
  ring.Take();
  ring.Take();
  for (const int slot : {again, alone}) eas_front_start_earlier(ring, slot, kLong);
  eas_front_reset_worker(ring, 0, 1);
  eas_front_resubmit(ring, again);
  ring.Reply(ring.Take(1, 0), "", 200, 1, 0);
  ring.Finish();
  ASSERT_EQ(0, eas_front_requeue_solo(ring, alone, 0));
  ring.Reply(ring.Take(), "", 200);
  ring.Finish();
  const eas_stats stats = Read(ring);
  EXPECT_EQ(2u, stats.latency[kBuckets - 1]);
  EXPECT_EQ(2u, Total(stats));
  EXPECT_EQ(10u, stats.bytes_in);
}

// The front checks a value before it counts it, because a worker may write into the ring by itself.
TEST(Stats, ImpossibleCompletionsAreCountedAsBad) {
  const TestRing ring;
  const struct {
    int outcome;
    uint64_t size;
  } lies[] = {
      {77, 0}, {-1, 5}, {EAS_RETURNED | EAS_COPIED, 5}, {EAS_RETURNED, UINT64_MAX}, {EAS_RAISED, 1ULL << 40}};
  for (const auto& lie : lies) {
    ring.Submit("");
    const eas_call call = ring.Take();
    eas_worker_complete(ring, 0, 0, &call, lie.outcome, INT_MAX, lie.size);
    ring.Finish();
  }
  const eas_stats stats = Read(ring);
  EXPECT_EQ(std::size(lies), stats.bad);
  EXPECT_EQ(std::size(lies), Total(stats));
  EXPECT_EQ(0u, stats.returned_other + stats.raised);
  EXPECT_EQ(0u, stats.bytes_out);
}

TEST(Stats, SlotsThatAreNotInFlightAreIgnored) {
  const TestRing ring;
  for (const int slot : {-1, 0, 7, 8, 1 << 30, INT_MIN}) {
    eas_front_start_earlier(ring, slot, kLong);
    eas_front_exclude_from_stats(ring, slot);
  }
  const int slot = eas_front_reserve(ring);
  eas_front_start_earlier(ring, slot, kLong);
  eas_front_exclude_from_stats(ring, slot);
  eas_front_publish(ring, slot, 0);
  ring.Reply(ring.Take(), "", 200);
  ring.Finish();
  EXPECT_EQ(1u, Read(ring).returned[200]);
  EXPECT_EQ(0u, Read(ring).latency[kBuckets - 1]);
}

}  // namespace
}  // namespace eas
