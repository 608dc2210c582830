// The ring under load in one process, where the thread sanitizer sees both sides: a front that submits,
// cancels and drains, and consumers of two workers.
#include <map>
#include <random>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::RingSize;
using testing::TestRing;

constexpr uint32_t kWorkers = 2;
constexpr uint32_t kThreadCount = 3;

// The answer to a body: its bytes reversed, so that the answer to another request, or a torn one, is noticed.
std::string Answer(const std::string& body) { return {body.rbegin(), body.rend()}; }

std::string Body(uint64_t number, size_t size) {
  std::string body = std::to_string(number) + ":";
  while (body.size() < size) body += static_cast<char>('a' + (number + body.size()) % 26);
  return body;
}

void Consume(const TestRing& ring, uint32_t worker, uint32_t thread) {
  eas_worker_enter(ring, worker, thread);
  eas_call call;
  while (eas_worker_take(ring, worker, thread, &call) == 1) {
    ring.Reply(call, Answer(std::string(call.input, call.input_size)), 0, worker, thread);
  }
}

TEST(Stress, EveryRequestIsAnsweredOnceWithItsOwnAnswer) {
  constexpr uint64_t kRequests = 30'000;
  const TestRing ring(RingSize(48, kWorkers, kThreadCount, 4096, 4096));
  std::vector<std::thread> consumers;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    for (uint32_t thread = 0; thread < kThreadCount; ++thread) {
      consumers.emplace_back([&ring, worker, thread] { Consume(ring, worker, thread); });
    }
  }

  std::mt19937 random(301);
  std::map<int, std::string> in_flight;
  uint64_t submitted = 0;
  uint64_t answered = 0;
  uint64_t cancelled = 0;
  while (answered + cancelled < kRequests) {
    bool fresh = false;
    while (submitted < kRequests && in_flight.size() < 48 && random() % 16 != 0) {
      const std::string body = Body(submitted++, random() % 2000);
      const int slot = ring.Submit(body);
      ASSERT_GE(slot, 0);
      ASSERT_TRUE(in_flight.emplace(slot, body).second);
      fresh = true;
    }
    if (fresh) eas_front_wake(ring, 1);
    if (!in_flight.empty() && random() % 8 == 0) {
      const int slot = in_flight.begin()->first;
      if (eas_front_cancel(ring, slot) == 1) {
        in_flight.erase(slot);
        ++cancelled;
      }
    }
    const std::vector<Completion> done = ring.Drain();
    for (const Completion& one : done) {
      const auto found = in_flight.find(one.slot);
      ASSERT_NE(in_flight.end(), found);
      ASSERT_EQ(Answer(found->second), one.output);
      in_flight.erase(found);
      eas_front_release(ring, one.slot);
      ++answered;
    }
    ASSERT_LE(eas_front_waiting(ring), 48);
    if (done.empty() && !in_flight.empty()) {
      eas_front_wake(ring, 1);
      ring.Sleep();
    }
  }
  EXPECT_TRUE(in_flight.empty());
  EXPECT_EQ(kRequests, answered + cancelled);
  eas_worker_stop(ring);
  for (std::thread& consumer : consumers) consumer.join();
}

}  // namespace
}  // namespace eas
