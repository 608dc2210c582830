#include "layout.h"

#include "testing.h"

namespace eas {
namespace {

using testing::RingSize;

TEST(Layout, StateWordKeepsItsParts) {
  for (const State& state : {State{Phase::kFree, 0, 0, 0}, State{Phase::kSubmitted, kAnyWorker, 0, 1},
                             State{Phase::kRunning, 4094, 4094, 0xFFFFFFFF}, State{Phase::kDone, 1, 2, 3}}) {
    const State again = Unpack(Pack(state));
    EXPECT_EQ(state.phase, again.phase);
    EXPECT_EQ(state.worker, again.worker);
    EXPECT_EQ(state.thread, again.thread);
    EXPECT_EQ(state.sequence, again.sequence);
  }
}

TEST(Layout, PartsFollowEachOtherAndSpansAreWholePages) {
  for (const eas_ring_size& ring_size :
       {RingSize(1, 1, 1, 0, 0), RingSize(65, 3, 7, 1, 1), RingSize(4096, 16, 64, 64 << 20, 256 << 20),
        RingSize(65536, 4094, 4095, 4096, 4097)}) {
    Layout layout;
    std::string error;
    ASSERT_TRUE(PlanLayout(ring_size, &layout, &error)) << error;
    EXPECT_LE(sizeof(Header), layout.workers_at);
    EXPECT_LE(layout.workers_at + ring_size.workers * sizeof(WorkerRecord), layout.controls_at);
    EXPECT_LE(layout.controls_at + ring_size.slots * sizeof(SlotControl), layout.bitmap_at);
    EXPECT_LE(layout.bitmap_at + layout.bitmap_words * 8, layout.entries_at);
    EXPECT_LE(layout.entries_at + layout.entries * 4, layout.data_at);
    EXPECT_GE(layout.entries, 4 * ring_size.slots);
    EXPECT_EQ(0u, layout.entries & (layout.entries - 1));
    EXPECT_GT(layout.input_span, ring_size.max_body);  // room for the NUL byte
    EXPECT_GE(layout.output_span, ring_size.max_output);
    EXPECT_EQ(0u, layout.InputAt(0) % PageSize());
    EXPECT_EQ(0u, layout.OutputAt(0) % PageSize());
    EXPECT_EQ(layout.bytes, layout.OutputAt(ring_size.slots - 1) + layout.output_span);
  }
}

TEST(Layout, ImpossibleSizesNameTheField) {
  const struct {
    eas_ring_size ring_size;
    const char* text;
  } cases[] = {
      {RingSize(0), "slots is 0"},
      {RingSize(65537), "slots is 65537"},
      {RingSize(1, 0), "workers is 0"},
      {RingSize(1, 4095), "workers is 4095"},
      {RingSize(1, 1, 0), "threads is 0"},
      {RingSize(1, 1, 4096), "threads is 4096"},
      {RingSize(1, 1, 1, 1ULL << 31), "max_body is 2147483648"},
      {RingSize(1, 1, 1, 1, ~0ULL), "max_output is 18446744073709551615"},
      {RingSize(65536, 1, 1, 1, 1ULL << 40), "do not fit into the address space"},
  };
  for (const auto& one : cases) {
    Layout layout;
    std::string error;
    EXPECT_FALSE(PlanLayout(one.ring_size, &layout, &error)) << one.text;
    EXPECT_NE(std::string::npos, error.find(one.text)) << error;
  }
}

}  // namespace
}  // namespace eas
