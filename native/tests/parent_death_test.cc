#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "testing.h"

namespace eas {
namespace {

// A pipe whose write end is open in all processes that are to end: when they have ended, it is at its end.
class Lifeline {
 public:
  Lifeline() { EXPECT_EQ(0, pipe(ends_)); }
  ~Lifeline() { close(ends_[0]); }
  void LetGo() { close(ends_[1]); }
  void Hold() { close(ends_[0]); }
  // Blocks until all processes that hold it have ended.
  void WaitEnd() {
    char byte;
    EXPECT_EQ(0, read(ends_[0], &byte, 1));
  }

 private:
  int ends_[2];
};

// Runs as a worker that leads its group and has started a process. It has a guardian when it calls `load`. It
// writes to `ready` and never ends.
[[noreturn]] void WorkForEver(int parent, int ready, const std::function<void()>& load = [] {}) {
  setsid();
  eas_die_with_parent(parent);
  load();
  if (fork() == 0) {
    while (true) pause();
  }
  const char byte = 'r';
  if (write(ready, &byte, 1) != 1) _exit(1);
  while (true) pause();
}

TEST(ParentDeath, TheGroupDiesWithTheWorker) {
  Lifeline lifeline;
  int ready[2];
  ASSERT_EQ(0, pipe(ready));
  const int test = getpid();
  const pid_t worker = fork();
  if (worker == 0) {
    lifeline.Hold();
    WorkForEver(test, ready[1]);
  }
  lifeline.LetGo();
  char byte;
  ASSERT_EQ(1, read(ready[0], &byte, 1));
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  lifeline.WaitEnd();
}

TEST(ParentDeath, AStoppedWorkerDiesWithItsHost) {
  Lifeline lifeline;
  int ready[2];
  ASSERT_EQ(0, pipe(ready));
  const pid_t host = fork();
  if (host == 0) {
    lifeline.Hold();
    const int self = getpid();
    const pid_t worker = fork();
    if (worker == 0) WorkForEver(self, ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 1) _exit(1);
    kill(worker, SIGSTOP);
    int status;
    waitpid(worker, &status, WUNTRACED);
    raise(SIGKILL);
  }
  lifeline.LetGo();
  waitpid(host, nullptr, 0);
  lifeline.WaitEnd();
}

// Waits for the guardian of the group `group`, other than `but`, and returns it.
pid_t FindGuardian(pid_t group, pid_t but) {
  while (true) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const pid_t pid = atoi(entry.path().filename().c_str());
      if (pid <= 0 || pid == but || getpgid(pid) != group) continue;
      std::string stat;
      std::getline(std::ifstream(entry.path() / "stat"), stat);
      if (stat.find("(eas-guardian) Z") == stat.npos && stat.find("(eas-guardian)") != stat.npos) return pid;
    }
  }
}

// KiB of anonymous memory: its own, and copied pages.
int Anonymous(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word) {
    if (word == "RssAnon:" && status >> word) return atoi(word.c_str());
  }
  ADD_FAILURE() << pid << " has ended";
  return 0;
}

int Descriptors(pid_t pid) {
  const std::filesystem::directory_iterator folder("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<int>(std::distance(begin(folder), end(folder)));
}

// Waits until the only descriptor of the guardian is the one that it polls: while its program is loaded, the
// dynamic linker has a library open, too.
void WaitForOneDescriptor(pid_t guardian) {
  while (Descriptors(guardian) != 1) {
  }
}

// Kills several guardians, one after the other, of a worker that has called `load`; calls `look` with each.
void KillGuardians(const std::function<void()>& load, const std::function<void(pid_t)>& look) {
  Lifeline lifeline;
  int ready[2];
  ASSERT_EQ(0, pipe(ready));
  const int test = getpid();
  const pid_t worker = fork();
  if (worker == 0) {
    lifeline.Hold();
    WorkForEver(test, ready[1], load);
  }
  lifeline.LetGo();
  char byte;
  ASSERT_EQ(1, read(ready[0], &byte, 1));
  const int descriptors = Descriptors(worker);
  constexpr int kTimes = 3;
  pid_t guardian = 0;
  for (int i = 0; i < kTimes; ++i) {
    guardian = FindGuardian(worker, guardian);
    look(guardian);
    kill(guardian, SIGKILL);
  }
  look(FindGuardian(worker, guardian));
  // The thread that watches may not have closed yet what it opens to start a guardian.
  while (Descriptors(worker) >= descriptors + kTimes) {
  }
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  lifeline.WaitEnd();
}

TEST(ParentDeath, AKilledGuardianIsReplacedByOneAsSmall) {
  constexpr size_t kModel = 64 << 20;
  KillGuardians(
      [] {
        std::memset(std::malloc(kModel), 1, kModel);
        close(STDIN_FILENO);
      },
      [](pid_t guardian) {
        WaitForOneDescriptor(guardian);
        EXPECT_LT(Anonymous(guardian), 1024);
      });
}

TEST(ParentDeath, AKilledGuardianIsReplacedWhereItsProgramIsOutOfReach) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may change the root";
  std::string folder = std::filesystem::temp_directory_path() / "eas-guardian-XXXXXX";
  ASSERT_NE(nullptr, mkdtemp(&folder[0]));
  KillGuardians([&] { EXPECT_EQ(0, chroot(folder.c_str())); }, WaitForOneDescriptor);
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace eas
