#include "layout.h"

#include "testing.h"

namespace eas {
namespace {

using testing::Shape;

TEST(Layout, StateWordKeepsItsParts) {
  for (const State& state : {State{Phase::kFree, 0, 0, 0}, State{Phase::kSubmitted, kAnyone, 0, 1},
                             State{Phase::kRunning, 4094, 4094, 0xFFFFFFFF}, State{Phase::kDone, 1, 2, 3}}) {
    const State again = Unpack(Pack(state));
    EXPECT_EQ(state.phase, again.phase);
    EXPECT_EQ(state.worker, again.worker);
    EXPECT_EQ(state.thread, again.thread);
    EXPECT_EQ(state.sequence, again.sequence);
  }
}

TEST(Layout, PartsFollowEachOtherAndSpansAreWholePages) {
  for (const eas_shape& shape :
       {Shape(1, 1, 1, 0, 0), Shape(65, 3, 7, 1, 1), Shape(4096, 16, 64, 64 << 20, 256 << 20),
        Shape(65536, 4094, 4095, 4096, 4097)}) {
    Layout layout;
    std::string error;
    ASSERT_TRUE(PlanLayout(shape, &layout, &error)) << error;
    EXPECT_LE(sizeof(Header), layout.workers_at);
    EXPECT_LE(layout.workers_at + shape.workers * sizeof(WorkerRecord), layout.controls_at);
    EXPECT_LE(layout.controls_at + shape.slots * sizeof(Control), layout.bitmap_at);
    EXPECT_LE(layout.bitmap_at + layout.bitmap_words * 8, layout.entries_at);
    EXPECT_LE(layout.entries_at + layout.entries * 4, layout.data_at);
    EXPECT_GE(layout.entries, 4 * shape.slots);
    EXPECT_EQ(0u, layout.entries & (layout.entries - 1));
    EXPECT_GT(layout.input_span, shape.max_body);  // room for the NUL byte
    EXPECT_GE(layout.output_span, shape.max_output);
    EXPECT_EQ(0u, layout.InputAt(0) % PageSize());
    EXPECT_EQ(0u, layout.OutputAt(0) % PageSize());
    EXPECT_EQ(layout.bytes, layout.OutputAt(shape.slots - 1) + layout.output_span);
  }
}

TEST(Layout, ImpossibleShapesNameTheField) {
  const struct {
    eas_shape shape;
    const char* text;
  } cases[] = {
      {Shape(0), "slots is 0"},
      {Shape(65537), "slots is 65537"},
      {Shape(1, 0), "workers is 0"},
      {Shape(1, 4095), "workers is 4095"},
      {Shape(1, 1, 0), "threads is 0"},
      {Shape(1, 1, 4096), "threads is 4096"},
      {Shape(1, 1, 1, 1ULL << 31), "max_body is 2147483648"},
      {Shape(1, 1, 1, 1, ~0ULL), "max_output is 18446744073709551615"},
      {Shape(65536, 1, 1, 1, 1ULL << 40), "do not fit into the address space"},
  };
  for (const auto& one : cases) {
    Layout layout;
    std::string error;
    EXPECT_FALSE(PlanLayout(one.shape, &layout, &error)) << one.text;
    EXPECT_NE(std::string::npos, error.find(one.text)) << error;
  }
}

}  // namespace
}  // namespace eas
