// How a processor with async_process learns that nobody waits for an answer any more.
#include <mutex>
#include <string>
#include <vector>

#include "async_testing.h"

namespace eas {
namespace {

using testing::Begun;
using testing::LogCatcher;
using testing::Obeys;
using testing::Served;

TEST(AsyncCancel, TheProcessorIsToldOnceThatNobodyWaits) {
  LogCatcher log;
  Served served(2, 8);
  std::vector<Begun> begun;
  for (int i = 0; i < 5; ++i) {
    const int slot = served.Submit("body");
    begun.push_back(served.calls.Next());
    eas_front_abandon(served.ring, slot);
    EXPECT_EQ(begun.back().id, served.calls.NextCancelled());
  }
  for (const Begun& one : begun) {
    one.Done("late");
    served.ring.Finish();
  }
  served.Stop();
  EXPECT_NE(std::string::npos, log.Read().find("eas_async_cancel threw std::runtime_error: not now"));
}

TEST(AsyncCancel, OneThatNobodyWaitsForWhenItReturnsIsToldOf) {
  static std::mutex until_abandoned;
  Served served(1, 8, [](void* model, const void* input, int size, int64_t id, DoneCallback done) {
    Obeys(model, input, size, id, done);
    const std::lock_guard<std::mutex> wait(until_abandoned);
  });
  std::unique_lock<std::mutex> hold(until_abandoned);
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  eas_front_abandon(served.ring, slot);
  hold.unlock();
  EXPECT_EQ(begun.id, served.calls.NextCancelled());
  begun.Done("late");
  served.ring.Finish();
}

}  // namespace
}  // namespace eas
