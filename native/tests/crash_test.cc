// Workers die in every way that a processor can cause, and the front reads their crash records.
#include "crash.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "testing.h"
#include "thread_pool.h"
#include "worker.h"

// These tests need the deaths below, so the sanitizers must not prevent them.
#define DEADLY __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

namespace eas {
namespace {

using testing::Child;
using testing::Completion;
using testing::RingSize;
using testing::TestRing;

DEADLY void DieOfSegv() {
  volatile uintptr_t address = 0x10;
  *reinterpret_cast<volatile int*>(address) = 1;
}

DEADLY void DieOfAbort() { std::abort(); }

DEADLY void DieOfDivision() {
#if defined(__x86_64__)
  asm volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::: "eax", "ecx", "edx");
#else
  raise(SIGFPE);
#endif
}

DEADLY void DieOfTrap() { __builtin_trap(); }

DEADLY void DieOfBus() {
  const int fd = memfd_create("empty", 0);
  volatile char* page = static_cast<volatile char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));
  [[maybe_unused]] const char byte = *page;
}

DEADLY int DieOfStack(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  if (depth < 0) return 0;
  return DieOfStack(depth + 1) + frame[0];
}

DEADLY void DieOfNullCall() {
  void (*volatile nowhere)() = nullptr;
  nowhere();
  asm volatile("");  // no tail call: the frame must be there
}

DEADLY void Throw() { throw 1; }

DEADLY void DieOfTerminate() noexcept { Throw(); }

DEADLY void DieOfExit() { std::exit(7); }

DEADLY void DieOfUnderscoreExit() { _exit(7); }

DEADLY void DieOfRecordedExit() {
  eas_crash_exit(7);
  _exit(7);
}

// A processor whose input says how it dies. An empty input is harmless; "wait" blocks its thread for ever.
int Deadly(void*, const void* input, int size, void**, int*) {
  const std::string how(static_cast<const char*>(input), static_cast<size_t>(size));
  if (how == "segv") DieOfSegv();
  if (how == "abort") DieOfAbort();
  if (how == "fpe") DieOfDivision();
  if (how == "ill") DieOfTrap();
  if (how == "bus") DieOfBus();
  if (how == "stack") return DieOfStack(0);
  if (how == "null") DieOfNullCall();
  if (how == "terminate") DieOfTerminate();
  if (how == "exit") DieOfExit();
  if (how == "_exit") DieOfUnderscoreExit();
  if (how == "recorded _exit") DieOfRecordedExit();
  if (how == "fork") {
    // The children of a processor may die in any way.
    for (void (*death)() : {&DieOfSegv, &DieOfExit, &DieOfRecordedExit}) {
      const pid_t child = fork();
      if (child == 0) death();
      waitpid(child, nullptr, 0);
    }
  }
  if (how == "thread") std::thread(&DieOfSegv).join();
  if (how == "wait") {
    while (true) pause();
  }
  return 200;
}

void WorkDeadly(const TestRing& ring, int signals = EAS_SIGNALS_ALL) {
  // The messages of abort and terminate would clutter the output of the test.
  close(STDERR_FILENO);
  eas_crash_install(ring, 1, signals);
  const Processor processor{nullptr, &Deadly, nullptr};
  const ThreadPool pool(processor, *ring.ring, 1, 3);
}

// Whether some frame of the record is in the named function.
bool Mentions(const eas_crash& crash, const std::string& function) {
  for (uint32_t i = 0; i < crash.frame_count; ++i) {
    char text[500];
    if (eas_describe_frame(crash.frame[i], text, sizeof(text)) == 1 &&
        std::strstr(text, function.c_str()) != nullptr) {
      return true;
    }
  }
  return false;
}

std::string Frames(const eas_crash& crash) {
  std::string text;
  for (uint32_t i = 0; i < crash.frame_count; ++i) text += std::string(crash.frame[i]) + "\n";
  return text;
}

void WaitUntilRunning(const TestRing& ring, int slot) {
  while (eas_front_phase(ring, slot, nullptr, nullptr) != EAS_RUNNING) {
    eas_front_wake(ring, 1);
    std::this_thread::yield();
  }
}

struct Death {
  int status;
  bool recorded;
  int slot;
  eas_crash crash;
};

// Lets a worker die of `how` while two innocent requests run beside it.
Death DieOf(const std::string& how, int signals = EAS_SIGNALS_ALL) {
  const TestRing ring(RingSize(8, 2, 3));
  eas_front_reset_worker(ring, 1, 0);
  Death death{};
  Child worker([&] { WorkDeadly(ring, signals); });
  EXPECT_EQ(200, ring.Ask("").status);
  const int first = ring.Submit("wait");
  const int second = ring.Submit("wait");
  WaitUntilRunning(ring, first);
  WaitUntilRunning(ring, second);
  death.slot = ring.Submit(how);
  eas_front_wake(ring, 1);
  death.status = worker.Wait();
  death.recorded = eas_front_crash(ring, 1, &death.crash) == 1;
  for (const int innocent : {first, second, death.slot}) {
    EXPECT_EQ(EAS_RUNNING, eas_front_phase(ring, innocent, nullptr, nullptr));
  }
  return death;
}

TEST(Crash, EachSignalIsRecordedWithItsRequestAndItsFunction) {
  const struct {
    const char* how;
    int signal;
    const char* function;
  } cases[] = {{"segv", SIGSEGV, "DieOfSegv"},     {"abort", SIGABRT, "DieOfAbort"},
               {"fpe", SIGFPE, "DieOfDivision"},   {"ill", SIGILL, "DieOfTrap"},
               {"bus", SIGBUS, "DieOfBus"},        {"stack", SIGSEGV, "DieOfStack"},
               {"null", SIGSEGV, "DieOfNullCall"}, {"terminate", SIGABRT, "DieOfTerminate"}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.how);
    const Death death = DieOf(one.how);
    ASSERT_TRUE(WIFSIGNALED(death.status)) << death.status;
    EXPECT_EQ(one.signal, WTERMSIG(death.status));
    ASSERT_TRUE(death.recorded);
    EXPECT_EQ(EAS_CRASH_SIGNAL, death.crash.kind);
    EXPECT_EQ(one.signal, death.crash.signal);
    EXPECT_EQ(death.slot, death.crash.slot);
    EXPECT_TRUE(Mentions(death.crash, one.function)) << Frames(death.crash);
  }
}

TEST(Crash, TheFaultAddressIsRecorded) {
  EXPECT_EQ(0x10u, DieOf("segv").crash.address);
  EXPECT_EQ(0u, DieOf("abort").crash.address);
}

TEST(Crash, ExitInsideARequestIsRecorded) {
  for (const char* how : {"exit", "recorded _exit"}) {
    const Death death = DieOf(how);
    ASSERT_TRUE(WIFEXITED(death.status));
    EXPECT_EQ(7, WEXITSTATUS(death.status));
    ASSERT_TRUE(death.recorded);
    EXPECT_EQ(EAS_CRASH_EXIT, death.crash.kind);
    EXPECT_EQ(7, death.crash.code);
    EXPECT_EQ(death.slot, death.crash.slot);
    EXPECT_TRUE(death.crash.frame_count == 0 || Mentions(death.crash, "DieOfExit")) << Frames(death.crash);
  }
}

TEST(Crash, ImmediateExitIsNotRecorded) {
  const Death death = DieOf("_exit");
  EXPECT_EQ(7, WEXITSTATUS(death.status));
  EXPECT_FALSE(death.recorded);
}

// The handler that was there before is called when the record is complete.
TEST(Crash, TheReplacedHandlerIsCalledLast) {
  const TestRing ring(RingSize(8, 2, 3));
  eas_front_reset_worker(ring, 1, 0);
  Child worker([&] {
    std::signal(SIGSEGV, [](int) { _exit(9); });
    WorkDeadly(ring, EAS_SIGNALS_PYTHON);
  });
  const int slot = ring.Submit("segv");
  eas_front_wake(ring, 1);
  EXPECT_EQ(9, WEXITSTATUS(worker.Wait()));
  eas_crash crash;
  ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(SIGSEGV, crash.signal);
  EXPECT_EQ(slot, crash.slot);
  EXPECT_TRUE(Mentions(crash, "DieOfSegv")) << Frames(crash);
}

// A thread that the processor has started crashes: nothing tells for which request it worked.
TEST(Crash, ACrashOnAThreadOfTheProcessorBlamesNoRequest) {
  const Death death = DieOf("thread");
  ASSERT_TRUE(death.recorded);
  EXPECT_EQ(SIGSEGV, death.crash.signal);
  EXPECT_EQ(-1, death.crash.slot);
  EXPECT_EQ(EAS_NO_THREAD, death.crash.thread);
  EXPECT_TRUE(Mentions(death.crash, "DieOfSegv")) << Frames(death.crash);
}

// If a JVM is in the process, it asks the handler, and then writes its report. Here nobody has started one,
// so the instruction faults again, and the kernel ends the process.
TEST(Crash, InAJvmAFaultIsRecordedAndReturnedFrom) {
  EXPECT_TRUE(DieOf("abort", EAS_SIGNALS_JVM).recorded);
  EXPECT_TRUE(DieOf("exit", EAS_SIGNALS_JVM).recorded);
  const Death death = DieOf("segv", EAS_SIGNALS_JVM);
  ASSERT_TRUE(death.recorded);
  EXPECT_EQ(SIGSEGV, death.status);
  EXPECT_EQ(SIGSEGV, death.crash.signal);
  EXPECT_EQ(death.slot, death.crash.slot);
  EXPECT_TRUE(Mentions(death.crash, "DieOfSegv")) << Frames(death.crash);
}

// The thread that the signal interrupts has not sent it.
TEST(Crash, ASignalFromOutsideBlamesNoRequest) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS}) {
    const TestRing ring(RingSize(8, 2, 3));
    Child worker([&] { WorkDeadly(ring); });
    const int slot = ring.Submit("wait");
    WaitUntilRunning(ring, slot);
    worker.Kill(signal);
    EXPECT_EQ(signal, WTERMSIG(worker.Wait()));
    eas_crash crash;
    ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
    EXPECT_EQ(signal, crash.signal);
    EXPECT_EQ(-1, crash.slot);
    EXPECT_EQ(EAS_NO_THREAD, crash.thread);
  }
}

TEST(Crash, KillLeavesNoRecord) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] { WorkDeadly(ring); });
  EXPECT_EQ(200, ring.Ask("").status);
  worker.Kill(SIGKILL);
  EXPECT_EQ(SIGKILL, WTERMSIG(worker.Wait()));
  eas_crash crash;
  EXPECT_EQ(0, eas_front_crash(ring, 1, &crash));
}

TEST(Crash, ACrashOfAForkedChildIsNotRecorded) {
  const TestRing ring(RingSize(8, 2, 3));
  const Child worker([&] { WorkDeadly(ring); });
  EXPECT_EQ(200, ring.Ask("fork").status);
  eas_crash crash;
  EXPECT_EQ(0, eas_front_crash(ring, 1, &crash));
}

TEST(Crash, ExitAfterStopIsNotRecorded) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    eas_worker_enter(ring, 1, 0);
    eas_worker_stop(ring);
    std::exit(5);
  });
  EXPECT_EQ(5, WEXITSTATUS(worker.Wait()));
  eas_crash crash;
  EXPECT_EQ(0, eas_front_crash(ring, 1, &crash));
}

// If a thread without a request exits, such as one of the processor's own, no request is blamed.
TEST(Crash, ExitWithoutARequestBlamesNoRequest) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    eas_worker_enter(ring, 1, 0);
    std::exit(5);
  });
  EXPECT_EQ(5, WEXITSTATUS(worker.Wait()));
  eas_crash crash;
  ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(EAS_CRASH_EXIT, crash.kind);
  EXPECT_EQ(-1, crash.slot);
}

// Returns the slot in the crash record of a worker that dies on thread 0 after `work`. Two requests wait, in
// slots 0 and 1.
int Blamed(const std::function<void(const TestRing&)>& work) {
  const TestRing ring(RingSize(8, 2, 3));
  EXPECT_EQ(0, ring.Submit("zero"));
  EXPECT_EQ(1, ring.Submit("one"));
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    eas_worker_enter(ring, 1, 0);
    work(ring);
    DieOfSegv();
  });
  EXPECT_EQ(SIGSEGV, WTERMSIG(worker.Wait()));
  eas_crash crash;
  EXPECT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(crash.slot, ring->workers[1].crash.slot)
      << "the record itself must be right, without the front's check";
  return crash.slot;
}

TEST(Crash, TheOneRequestThatAThreadStillHoldsIsBlamed) {
  EXPECT_EQ(0, Blamed([](const TestRing& ring) { ring.Take(1, 0); }));
  EXPECT_EQ(0, Blamed([](const TestRing& ring) {
              ring.Take(1, 0);
              ring.Reply(ring.Take(1, 0), "", 0, 1, 0);
            }));
  EXPECT_EQ(1, Blamed([](const TestRing& ring) {
              ring.Reply(ring.Take(1, 0), "", 0, 1, 0);
              ring.Take(1, 0);
            }));
  EXPECT_EQ(1, Blamed([](const TestRing& ring) {
              std::thread([&ring] { ring.Take(1, 2); }).join();  // another thread's
              ring.Take(1, 0);
            }));
}

// A signal to the process interrupts the first thread that can take it, whatever that runs.
TEST(Crash, ASignalThatAnotherThreadSendsBlamesNoRequest) {
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) {
    ring.Take(1, 0);
    std::thread([] { kill(getpid(), SIGSEGV); }).join();
  }));
}

TEST(Crash, ACompleteRequestOrOneOfSeveralIsNotBlamed) {
  EXPECT_EQ(-1, Blamed([](const TestRing&) {}));
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) { ring.Reply(ring.Take(1, 0), "", 0, 1, 0); }));
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) {
    const eas_call call = ring.Take(1, 0);
    std::thread([&] { ring.Reply(call, "", 0, 1, 0); }).join();
  }));
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) {
    ring.Take(1, 0);
    ring.Take(1, 0);
  }));
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) {
    ring.Take(1, 0);
    eas_worker_leave(ring, 1);
  }));
  EXPECT_EQ(-1, Blamed([](const TestRing& ring) {
    ring.Take(1, 0);
    std::thread(&DieOfSegv).join();
  }));
}

// All requests are answered, by any thread, and the stop was asked for.
TEST(Crash, ExitAfterStopIsNotRecordedIfAnotherThreadAnswered) {
  const TestRing ring(RingSize(8, 2, 3));
  ring.Submit("x");
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    eas_worker_enter(ring, 1, 0);
    const eas_call call = ring.Take(1, 0);
    std::thread([&] { ring.Reply(call, "", 0, 1, 0); }).join();
    eas_worker_stop(ring);
    std::exit(5);
  });
  EXPECT_EQ(5, WEXITSTATUS(worker.Wait()));
  eas_crash crash;
  EXPECT_EQ(0, eas_front_crash(ring, 1, &crash));
}

}  // namespace
}  // namespace eas
