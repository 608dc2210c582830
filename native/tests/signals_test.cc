#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "testing.h"

namespace eas {
namespace {

using testing::Child;

constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP};

void Note(int) {}
void NoteOtherwise(int) {}

// The action of `number` in a child of `fork_now`: 'd'efault, 'i'gnored, 'n'oted by a handler, or 'b'locked.
char ActionInChild(int number, const std::function<pid_t()>& fork_now) {
  int ends[2];
  EXPECT_EQ(0, pipe(ends));
  const pid_t child = fork_now();
  if (child == 0) {
    struct sigaction action{};
    sigaction(number, nullptr, &action);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    char found = action.sa_handler == SIG_DFL ? 'd' : action.sa_handler == SIG_IGN ? 'i' : 'n';
    if (sigismember(&blocked, number) == 1) found = 'b';
    _exit(write(ends[1], &found, 1) == 1 ? 0 : 1);
  }
  char found = '?';
  EXPECT_EQ(1, read(ends[0], &found, 1));
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  return found;
}

// Runs each test in a process of its own, because a signal that the host handles stays so.
void InChild(const std::function<void()>& body) {
  Child child([&body] {
    body();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  });
  EXPECT_EQ(0, child.Wait());
}

TEST(Signals, AForkedChildHasTheDefaultAgain) {
  InChild([] {
    for (const int number : kSignals) signal(number, Note);
    EXPECT_EQ('n', ActionInChild(SIGTERM, fork));
    for (const int number : kSignals) eas_signal_take(number, number == SIGHUP);
    EXPECT_EQ('d', ActionInChild(SIGTERM, fork));
    EXPECT_EQ('d', ActionInChild(SIGINT, fork));
    EXPECT_EQ('i', ActionInChild(SIGHUP, fork));
    struct sigaction mine{};
    sigaction(SIGTERM, nullptr, &mine);
    EXPECT_EQ(Note, mine.sa_handler);
  });
}

TEST(Signals, AHandlerSetAfterwardsIsInherited) {
  InChild([] {
    signal(SIGTERM, Note);
    eas_signal_take(SIGTERM, 0);
    signal(SIGTERM, NoteOtherwise);
    EXPECT_EQ('n', ActionInChild(SIGTERM, fork));
  });
}

TEST(Signals, AChildOfPythonHasTheHandlerAfterItUnblocks) {
  InChild([] {
    signal(SIGTERM, Note);
    eas_signal_take(SIGTERM, 0);
    eas_signal_block();
    EXPECT_EQ('b', ActionInChild(SIGTERM, fork));
    EXPECT_EQ('n', ActionInChild(SIGTERM, [] {
                const pid_t child = fork();
                if (child == 0) eas_signal_unblock();
                return child;
              }));
    eas_signal_unblock();
    EXPECT_EQ('d', ActionInChild(SIGTERM, fork));
    eas_signal_forget();
    EXPECT_EQ('n', ActionInChild(SIGTERM, fork));
  });
}

TEST(Signals, ABlockedSignalStaysBlocked) {
  InChild([] {
    signal(SIGTERM, Note);
    eas_signal_take(SIGTERM, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    EXPECT_EQ('b', ActionInChild(SIGTERM, fork));
  });
}

// No signal is lost between the fork and the restored handlers: each child dies of its signal.
TEST(Signals, AChildDiesOfASignalAtAnyMoment) {
  InChild([] {
    signal(SIGTERM, Note);
    eas_signal_take(SIGTERM, 0);
    for (int round = 0; round < 300; ++round) {
      const pid_t child = fork();
      if (child == 0) {
        for (;;) pause();
      }
      kill(child, SIGTERM);
      int status = 0;
      waitpid(child, &status, 0);
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
    }
  });
}

TEST(Signals, AHandlerOfTheProgramIsNotTakenForTheJvms) {
  InChild([] {
    signal(SIGTERM, Note);
    eas_signal_take(SIGTERM, 0);
    signal(SIGTERM, NoteOtherwise);
    eas_signal_restore();
    eas_signal_keep_restored();
    eas_signal_keep_restored();
    struct sigaction action{};
    sigaction(SIGTERM, nullptr, &action);
    EXPECT_EQ(NoteOtherwise, action.sa_handler);
    EXPECT_EQ('n', ActionInChild(SIGTERM, fork));
  });
}

}  // namespace
}  // namespace eas
