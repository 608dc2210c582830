#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "testing.h"

namespace eas {
namespace {

// A pipe whose write end is held by whoever is to end: its end of file is their death.
class Lifeline {
 public:
  Lifeline() { EXPECT_EQ(0, pipe(ends_)); }
  ~Lifeline() { close(ends_[0]); }
  void LetGo() { close(ends_[1]); }
  void Hold() { close(ends_[0]); }
  // Blocks until all who hold it have ended.
  void WaitEnd() {
    char byte;
    EXPECT_EQ(0, read(ends_[0], &byte, 1));
  }

 private:
  int ends_[2];
};

// A worker that leads its group, guarded, with a process of its own; tells through `ready` and never ends.
[[noreturn]] void WorkForEver(int parent, int ready) {
  setsid();
  eas_die_with_parent(parent);
  if (fork() == 0) {
    while (true) pause();
  }
  const char byte = 'r';
  if (write(ready, &byte, 1) != 1) _exit(1);
  while (true) pause();
}

TEST(Guardian, TheGroupDiesWithTheWorker) {
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

TEST(Guardian, AStoppedWorkerDiesWithItsHost) {
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

// The living guardian of the group `group`, other than `but`; waits for it.
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

TEST(Guardian, IsReplaced) {
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
  pid_t guardian = 0;
  for (int i = 0; i < 3; ++i) {
    guardian = FindGuardian(worker, guardian);
    kill(guardian, SIGKILL);
  }
  FindGuardian(worker, guardian);
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  lifeline.WaitEnd();
}

}  // namespace
}  // namespace eas
