// The program of a worker process that is no Python process: for cpp processors that start a Python of their
// own.
//
// Strategy: worker/cpp/native_worker.py has checked the processor's file and become this program by execve,
// so that it has the process's number, working directory and descriptors. Its arguments are CONTROL MEMORY
// COMPLETION LOG PARENT SPEC WORKER THREADS CONFINED. The first five are as in worker/main.py; SPEC is a
// file with texts that end with a NUL byte each: the entry, model_entry, model_config, the LD_LIBRARY_PATH
// that the processor shall see, its libpython, one that is not for us, and the words of a command. When the
// processor cannot be loaded, this process becomes that command, with two more words: the step that failed,
// and the text. So all that needs explaining is explained in one place, in Python.
//
// No thread listens while the processor loads: the end of the host ends this process in any case, and a stop
// would have to wait.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "api.h"

namespace {

constexpr int kHostsSignals[] = {SIGINT, SIGTERM, SIGHUP};

// Longer than any text of the loader: as ring/bindings.py has it.
constexpr size_t kErrorSize = 4096;

// What *state holds before `initialize`: as ring/worker.py has it.
constexpr int kStateUnset = -0x5EED5EED;

struct Spec {
  std::string entry, model_entry, model_config, library_path, python;
  std::vector<std::string> otherwise;
};

[[noreturn]] void Give(const char* what) {
  std::fprintf(stderr, "eas-cpp-worker: %s: %s\n", what, std::strerror(errno));
  _exit(1);
}

Spec ReadSpec(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) Give("the spec");
  std::string all(static_cast<size_t>(info.st_size), '\0');
  if (pread(fd, &all[0], all.size(), 0) != info.st_size) Give("the spec");
  std::vector<std::string> texts;
  for (size_t begin = 0; begin < all.size();) {
    texts.emplace_back(all.c_str() + begin);
    begin += texts.back().size() + 1;
  }
  errno = EINVAL;
  if (texts.size() < 7) Give("the spec");
  return {texts[0], texts[1], texts[2], texts[3], texts[4], {texts.begin() + 6, texts.end()}};
}

void Inherit(int fd, bool inherited) { fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC); }

void Nothing(int) {}

// Signals that are meant for the host, which tells its workers; one that is ignored already stays so. Not
// SIG_IGN: what the processor starts would inherit that.
void IgnoreSignals() {
  for (const int number : kHostsSignals) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = &Nothing;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
    eas_signal_take(number, 0);
  }
  eas_signal_guard();  // the processor may start a JVM
}

// One worker process.
class Worker {
 public:
  explicit Worker(char** words)
      : fds_{Number(words[0]), Number(words[1]), Number(words[2]), Number(words[3]), Number(words[5])},
        parent_(Number(words[4])),
        number_(static_cast<uint32_t>(Number(words[6]))),
        threads_(static_cast<uint32_t>(Number(words[7]))),
        confined_(Number(words[8]) != 0),
        spec_(ReadSpec(fds_[4])) {
    // What a processor starts has no business with them.
    for (const int fd : fds_) Inherit(fd, false);
  }

  int Run() {
    eas_die_with_parent(parent_);
    if (confined_) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // as worker/main.py does; execve has undone it
    if (spec_.library_path.empty()) {
      unsetenv("LD_LIBRARY_PATH");
    } else {
      setenv("LD_LIBRARY_PATH", spec_.library_path.c_str(), 1);
    }
    IgnoreSignals();
    eas_stdout_line_buffered();
    eas_log_open(fds_[3]);
    char error[kErrorSize] = "";
    eas_ring* ring = eas_ring_map(fds_[1], fds_[2], error, sizeof(error));
    if (ring == nullptr) Otherwise("ring", error);
    eas_crash_install(ring, number_, EAS_SIGNALS_ALL);
    eas_cpp* cpp = Load();
    Say("{\"event\": \"ready\"}\n");  // first: a call may end this process before anything else can be said
    eas_cpp_start(cpp, ring, number_, threads_);
    AwaitStop();
    eas_worker_stop(ring);
    eas_cpp_join(cpp);
    return 0;
  }

 private:
  static int Number(const char* word) { return std::atoi(word); }

  eas_cpp* Load() {
    char error[kErrorSize] = "";
    // Python's extension modules look for its functions among what is GLOBAL, where a program has them that
    // is linked with libpython; a processor's own libraries are not.
    if (!spec_.python.empty()) dlopen(spec_.python.c_str(), RTLD_NOW | RTLD_GLOBAL);
    eas_cpp* cpp = eas_cpp_open(spec_.entry.c_str(), error, sizeof(error));
    if (cpp == nullptr) Otherwise("open", error);
    int state = kStateUnset;
    if (eas_cpp_initialize(cpp, spec_.model_entry.c_str(), spec_.model_config.c_str(), &state, error,
                           sizeof(error)) != 0) {
      Otherwise("initialize", error);
    }
    if (state != 0) Otherwise("state", std::to_string(state).c_str());
    return cpp;
  }

  [[noreturn]] void Otherwise(const char* step, const char* text) {
    std::fflush(nullptr);
    for (const int fd : fds_) Inherit(fd, true);
    std::vector<char*> words;
    for (std::string& word : spec_.otherwise) words.push_back(&word[0]);
    words.push_back(const_cast<char*>(step));
    words.push_back(const_cast<char*>(text));
    words.push_back(nullptr);
    execv(words[0], words.data());
    Give(words[0]);
  }

  void Say(const std::string& line) {
    for (size_t done = 0; done < line.size();) {
      const ssize_t sent = write(fds_[0], line.data() + done, line.size() - done);
      if (sent < 0 && errno != EINTR) return;  // nobody is there to hear
      if (sent > 0) done += static_cast<size_t>(sent);
    }
  }

  // Messages are lines that json.dumps wrote, with their kind first. The others are for programs in Python.
  void AwaitStop() {
    const std::string stop = "{\"event\": \"stop\"";
    std::string line;
    for (;;) {
      char data[4096];
      const ssize_t size = read(fds_[0], data, sizeof(data));
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) _exit(1);  // the host is gone
      for (ssize_t i = 0; i < size; ++i) {
        if (data[i] == '\n') {
          if (line == stop + "}") return;
          line.clear();
        } else if (line.size() <= stop.size() + 1) {  // of a longer one it is enough to know that
          line += data[i];
        }
      }
    }
  }

  const int fds_[5];
  const int parent_;
  const uint32_t number_;
  const uint32_t threads_;
  const bool confined_;
  Spec spec_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 10) {
    std::fprintf(stderr, "eas-cpp-worker: it is started by eas-host only\n");
    return 2;
  }
  return Worker(words + 1).Run();
}
