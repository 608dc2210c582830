// The ring between real processes, which are killed at random times.
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::Child;
using testing::Completion;
using testing::RingSize;
using testing::TestRing;

constexpr uint32_t kSlotCount = 32;
constexpr uint32_t kThreads = 2;

// An echo worker with its own mapping, as a real worker has.
void Work(int memfd, int eventfd, uint32_t worker) {
  char error[200];
  eas_ring* ring = eas_ring_map(memfd, eventfd, error, sizeof(error));
  if (ring == nullptr) _exit(98);
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([ring, worker, thread] {
      eas_worker_enter(ring, worker, thread);
      eas_call call;
      while (eas_worker_take(ring, worker, thread, &call) == 1) {
        eas_worker_reply(ring, worker, thread, &call, EAS_RETURNED, 0, call.input, call.input_size);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// A front that keeps the ring full and checks each answer against what it asked.
class EchoFront {
 public:
  explicit EchoFront(const TestRing& ring) : ring_(ring) {}

  void Fill() {
    bool fresh = false;
    while (in_flight_.size() < kSlotCount) {
      ++submitted_;
      const std::string body = std::to_string(submitted_) + std::string(submitted_ % 600, 'b');
      const int slot = ring_.Submit(body);
      ASSERT_GE(slot, 0);
      ASSERT_TRUE(in_flight_.emplace(slot, body).second);
      fresh = true;
    }
    if (fresh) eas_front_wake_one_if_idle(ring_);
  }

  void Collect() {
    for (const Completion& done : ring_.Drain()) {
      const auto found = in_flight_.find(done.slot);
      ASSERT_NE(in_flight_.end(), found) << "answered twice, or never asked";
      ASSERT_EQ(found->second, done.output);
      in_flight_.erase(found);
      eas_front_release(ring_, done.slot);
      ++answered_;
    }
  }

  // Does what api.h says for the death of a worker.
  void Recover(uint32_t dead) {
    Collect();
    for (const auto& [slot, body] : in_flight_) {
      uint32_t worker = 0;
      if (eas_front_phase(ring_, slot, &worker, nullptr) == EAS_RUNNING && worker == dead) {
        eas_front_resubmit(ring_, slot);
        ++resubmitted_;
      }
    }
    Collect();
    eas_front_wake(ring_, 2);
  }

  void Sleep() {
    if (!in_flight_.empty()) ring_.Sleep();
  }

  void Finish() {
    while (!in_flight_.empty()) {
      Collect();
      eas_front_wake(ring_, 1);
      Sleep();
    }
  }

  uint64_t submitted() const { return submitted_; }
  uint64_t answered() const { return answered_; }
  uint64_t resubmitted() const { return resubmitted_; }

 private:
  const TestRing& ring_;
  std::map<int, std::string> in_flight_;
  uint64_t submitted_ = 0;
  uint64_t answered_ = 0;
  uint64_t resubmitted_ = 0;
};

TEST(Processes, SeveralProcessesServeOneRing) {
  const TestRing ring(RingSize(kSlotCount, 3, kThreads));
  std::vector<Child> workers;
  for (uint32_t worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&ring, worker] { Work(ring.memfd, ring.eventfd, worker); });
  }
  EchoFront front(ring);
  while (front.answered() < 10'000 && !::testing::Test::HasFailure()) {
    front.Fill();
    front.Collect();
    front.Sleep();
  }
  front.Finish();
  EXPECT_EQ(front.submitted(), front.answered());
}

// While requests go on, one of three workers is killed after another, whatever it is doing.
TEST(Processes, KillAtAnyInstantNeitherLosesNorDuplicatesRequests) {
  constexpr int kKills = 500;
  constexpr int kMaxKills = 10'000;  // on a machine so busy that none of the first ones hits a request
  constexpr uint32_t kWorkers = 3;
  const TestRing ring(RingSize(kSlotCount, kWorkers, kThreads));
  const auto start = [&ring](uint32_t worker) {
    eas_front_reset_worker(ring, static_cast<int>(worker), 0);
    return Child([&ring, worker] { Work(ring.memfd, ring.eventfd, worker); });
  };
  std::vector<Child> workers;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) workers.push_back(start(worker));

  std::mt19937 random(301);
  EchoFront front(ring);
  for (int kill = 0; kill < (front.resubmitted() > 0 ? kKills : kMaxKills); ++kill) {
    if (::testing::Test::HasFailure()) break;
    // The time is random among the requests, and within one: the worker works while the front decides.
    const uint64_t until = front.answered() + random() % 100;
    do {
      front.Fill();
      front.Collect();
      if (random() % 4 == 0) front.Sleep();
    } while (front.answered() < until && !::testing::Test::HasFailure());
    const uint32_t victim = random() % kWorkers;
    workers[victim].Kill(SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(workers[victim].Wait()));
    front.Recover(victim);
    workers[victim] = start(victim);
  }
  front.Finish();
  EXPECT_EQ(front.submitted(), front.answered());
  EXPECT_GT(front.resubmitted(), 0u) << "no kill ever hit a request: the test tests nothing";
  EXPECT_EQ(0, eas_front_waiting(ring));
  for (uint32_t slot = 0; slot < kSlotCount; ++slot)
    EXPECT_GE(eas_front_reserve(ring), 0) << "a slot is lost";
}

// The pipe's other end is held by the grandchild alone: it closes when that is dead.
TEST(Processes, AWorkerDiesWithItsHost) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  Child host([&ends] {
    const pid_t self = getpid();
    if (fork() == 0) {
      eas_die_with_parent(self);
      [[maybe_unused]] const ssize_t told = write(ends[1], "ready", 5);
      while (true) pause();
    }
    close(ends[1]);
    while (true) pause();
  });
  close(ends[1]);
  char text[5];
  ASSERT_EQ(5, read(ends[0], text, sizeof(text)));
  host.Kill(SIGKILL);
  host.Wait();
  pollfd closed{ends[0], POLLIN, 0};
  EXPECT_EQ(1, poll(&closed, 1, testing::kTimeout));
  EXPECT_EQ(0, read(ends[0], text, sizeof(text)));
  close(ends[0]);
}

// All workers die at once; the requests wait for the next one.
TEST(Processes, RequestsOutliveEveryWorker) {
  const TestRing ring(RingSize(kSlotCount, 1, kThreads));
  EchoFront front(ring);
  for (int round = 0; round < 10; ++round) {
    eas_front_reset_worker(ring, 0, 0);
    Child worker([&ring] { Work(ring.memfd, ring.eventfd, 0); });
    const uint64_t until = front.answered() + 200;
    while (front.answered() < until && !::testing::Test::HasFailure()) {
      front.Fill();
      front.Collect();
      front.Sleep();
    }
    worker.Kill(SIGKILL);
    worker.Wait();
    front.Recover(0);
    front.Fill();
  }
  eas_front_reset_worker(ring, 0, 0);  // what the last one has completed and not reported is found here
  const Child last([&ring] { Work(ring.memfd, ring.eventfd, 0); });
  front.Finish();
  EXPECT_EQ(front.submitted(), front.answered());
}

}  // namespace
}  // namespace eas
