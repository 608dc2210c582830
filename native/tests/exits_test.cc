// Ends of the process that no handler sees.
#include "exits.h"

#include <signal.h>

#include <atomic>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::Child;
using testing::RingSize;
using testing::TestRing;

// Runs the processor exits.so as worker 1.
void Work(const TestRing& ring) {
  eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
  char error[500] = "";
  eas_cpp* cpp = eas_cpp_open((std::string(PROCESSORS) + "/exits.so").c_str(), error, sizeof(error));
  ASSERT_NE(nullptr, cpp) << error;
  int state = -1;
  ASSERT_EQ(0, eas_cpp_initialize(cpp, "", "", &state, error, sizeof(error)));
  eas_cpp_start(cpp, ring, 1, 1);
  eas_cpp_join(cpp);
}

TEST(Exits, EachIsRecordedWithItsRequest) {
  const struct {
    const char* how;
    int kind;
    int signal;
  } cases[] = {{"_exit", EAS_CRASH_EXIT_AT_ONCE, 0},
               {"_Exit", EAS_CRASH_STANDARD_EXIT_AT_ONCE, 0},
               {"quick_exit", EAS_CRASH_QUICK_EXIT, 0},
               {"kill", EAS_CRASH_SIGNAL, SIGKILL},
               {"raise", EAS_CRASH_SIGNAL, SIGKILL}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.how);
    const TestRing ring(RingSize(8, 2, 3));
    const int slot = ring.Submit(one.how);
    Child worker([&] { Work(ring); });
    const int status = worker.Wait();
    if (one.signal == 0) {
      EXPECT_EQ(7, WEXITSTATUS(status));
    } else {
      EXPECT_EQ(one.signal, WTERMSIG(status));
    }
    eas_crash crash;
    ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
    EXPECT_EQ(one.kind, crash.kind);
    EXPECT_EQ(one.signal, crash.signal);
    EXPECT_EQ(slot, crash.slot);
    if (one.signal == 0) {
      EXPECT_EQ(7, crash.code);
    }
  }
}

// Two threads, each with a request, are in exit() at once: the process ends by the first of them.
TEST(Exits, OneOfTwoAtOnceIsRecorded) {
  for (int round = 0; round < 100; ++round) {
    const TestRing ring(RingSize(8, 2, 3));
    ring.Submit("one");
    ring.Submit("two");
    Child worker([&] {
      eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
      std::atomic<int> taken{0};
      const auto exits = [&](uint32_t thread) {
        eas_worker_enter(ring, 1, thread);
        ring.Take(1, thread);
        ++taken;
        while (taken < 2) {
        }
        std::exit(7);
      };
      std::thread(exits, 0).detach();
      exits(1);
    });
    EXPECT_EQ(7, WEXITSTATUS(worker.Wait()));
    eas_crash crash;
    ASSERT_EQ(1, eas_front_crash(ring, 1, &crash)) << "in round " << round;
    EXPECT_EQ(EAS_CRASH_EXIT, crash.kind);
    EXPECT_LE(0, crash.slot);
  }
}

TEST(Exits, ThatOfAForkedChildIsNotRecorded) {
  for (const char* how : {"_exit", "_Exit", "quick_exit", "kill", "raise"}) {
    SCOPED_TRACE(how);
    const TestRing ring(RingSize(8, 2, 3));
    const Child worker([&] { Work(ring); });
    EXPECT_EQ(200, ring.Ask(std::string("fork ") + how).status);
    eas_crash crash;
    EXPECT_EQ(0, eas_front_crash(ring, 1, &crash));
  }
}

}  // namespace
}  // namespace eas
