// Tests that any process may be killed at any instruction: a worker is single-stepped through the life of a
// request and killed after its first, second, third ... instruction. Each time the front must complete this
// request, and the one that waits behind it, exactly once.
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <map>

#include "testing.h"

namespace eas {
namespace {

using testing::Child;
using testing::Completion;
using testing::RingSize;
using testing::TestRing;

// Single steps that the test may cost: some seconds, at the 5 to 20 us that one takes. It is enough for each
// of the 600 instructions; if they become more, then each second or third is a place to die.
constexpr uint64_t kSteps = 250'000;

// The worker that is killed: it takes and answers a request while the front sleeps. Around that it makes
// plain system calls, so that the steps are spent on the ring.
void LiveAndDie(const TestRing& ring) {
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  syscall(SYS_kill, getpid(), SIGSTOP);
  eas_call call;
  if (eas_worker_take(ring, 0, 0, &call) != 1) syscall(SYS_exit_group, 1);
  eas_worker_reply(ring, 0, 0, &call, EAS_RETURNED, 0, "answer", 6);
  syscall(SYS_exit_group, 0);
}

// Lets the child run `steps` instructions. False if it ended before.
bool Step(pid_t child, uint64_t steps) {
  int status = 0;
  for (uint64_t step = 0; step < steps; ++step) {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) return false;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return false;
  }
  return true;
}

bool WaitForStop(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFSTOPPED(status);
}

// What the front does after the death, as api.h says. This process plays the next worker.
void Recover(const TestRing& ring, std::map<int, int>* ends) {
  const auto count = [&] {
    for (const Completion& done : ring.Drain()) {
      ++(*ends)[done.slot];
      EXPECT_TRUE(done.output == "answer" || done.output == "again") << done.output;
      eas_front_release(ring, done.slot);
    }
  };
  count();
  for (const auto& [slot, end] : *ends) {
    if (end == 0 && eas_front_phase(ring, slot, nullptr, nullptr) == EAS_RUNNING)
      eas_front_resubmit(ring, slot);
  }
  count();
  while (eas_front_waiting(ring) > 0) ring.Reply(ring.Take(1, 0), "again", 0, 1, 0);
  count();
}

// Kills the worker after `steps` instructions. False if it needed fewer to do its work.
bool KillAfter(uint64_t steps) {
  const TestRing ring(RingSize(4, 2, 1));
  std::map<int, int> ends;
  ends[ring.Submit("one")] = 0;
  ends[ring.Submit("two")] = 0;
  EXPECT_EQ(1, eas_front_request_notification(ring));
  Child worker([&ring] { LiveAndDie(ring); });
  EXPECT_TRUE(WaitForStop(worker.pid()));
  const bool alive = Step(worker.pid(), steps);
  if (alive) {
    worker.Kill(SIGKILL);
    worker.Wait();
  }
  Recover(ring, &ends);
  for (const auto& [slot, end] : ends)
    EXPECT_EQ(1, end) << "slot " << slot << " after " << steps << " instructions";
  EXPECT_EQ(0, eas_front_waiting(ring));
  for (int slot = 0; slot < 4; ++slot) EXPECT_GE(eas_front_reserve(ring), 0) << "a slot is lost";
  return alive;
}

// How many instructions the worker's work takes; 0 if this system does not allow single steps.
uint64_t CountInstructions() {
  const TestRing ring(RingSize(4, 2, 1));
  // The dynamic linker's work is done once, and here.
  ring.Submit("warm");
  eas_front_request_notification(ring);
  ring.Reply(ring.Take(), "");
  ring.Finish();
  ring.Submit("one");
  ring.Submit("two");
  eas_front_request_notification(ring);
  const Child worker([&ring] { LiveAndDie(ring); });
  if (!WaitForStop(worker.pid())) return 0;
  uint64_t count = 0;
  while (Step(worker.pid(), 1)) ++count;
  return count;
}

TEST(Instructions, AWorkerMayDieAtAnyInstruction) {
  const uint64_t instructions = CountInstructions();
  if (instructions == 0) GTEST_SKIP() << "ptrace is not allowed here";
  const uint64_t stride = 1 + instructions * instructions / 2 / kSteps;
  RecordProperty("instructions", static_cast<int>(instructions));
  RecordProperty("stride", static_cast<int>(stride));
  for (uint64_t steps = 0; KillAfter(steps) && !HasFailure(); steps += stride) {
  }
}

}  // namespace
}  // namespace eas
