// The program of a worker process without Python: for cpp processors that start a Python interpreter of their
// own.
//
// Strategy: worker/cpp/native_worker.py checks the processor's file and then executes this program, which
// keeps the process's number, working directory and descriptors. Its arguments are CONTROL MEMORY
// COMPLETION LOG PARENT SPEC WORKER THREADS IN_FLIGHT CONFINED REPORTS KEEP. The first five are as in
// worker/main.py; REPORTS is the descriptor that gets what sanitizers report, or -1; KEEP is 1 for
// --crash-block. SPEC is a file with texts, each of which ends with a NUL byte: the entry, model_entry,
// model_config, its libpython, one that this program does not use, the variables that the processor shall
// see in place of those that this program was started with, an empty text, and the words of a command. If
// the processor cannot be loaded, this process executes that command with two more arguments: the step that
// failed, and the text of the error. So only Python code explains errors to users.
//
// No thread reads control messages while the processor loads: the end of the host ends this process in any
// case, and a stop would have to wait.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api.h"
#include "parts.h"
#include "stacks.h"

namespace {

constexpr int kHostSignals[] = {SIGINT, SIGTERM, SIGHUP};

// The same as in ring/bindings.py: longer than any text of the dynamic linker.
constexpr size_t kErrorSize = 4096;

constexpr size_t kStacksSize = 64 << 10;
constexpr size_t kMaxLine = 4096;  // bytes of a control message that are looked at

// The same as in eas_runtime/stacks.py: when a load is reported for the first time.
constexpr std::chrono::seconds kFirstReport{10};

// The value of *state before `initialize`; the same as in ring/worker.py.
constexpr int kStateUnset = -0x5EED5EED;

struct Spec {
  std::string entry, model_entry, model_config, python;
  std::vector<std::string> variables;  // NAME=VALUE, or NAME alone for one that is not to be there
  std::vector<std::string> fallback;
};

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "eas-cpp-worker: %s: %s\n", what, std::strerror(errno));
  _exit(1);
}

Spec ReadSpec(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) Fail("the spec cannot be read");
  std::string all(static_cast<size_t>(info.st_size), '\0');
  if (pread(fd, &all[0], all.size(), 0) != info.st_size) Fail("the spec cannot be read");
  std::vector<std::string> texts;
  for (size_t begin = 0; begin < all.size();) {
    texts.emplace_back(all.c_str() + begin);
    begin += texts.back().size() + 1;
  }
  errno = EINVAL;
  if (texts.size() < 7) Fail("the spec lacks texts");
  const auto variables = texts.begin() + 5;
  const auto variables_end = std::find(variables, texts.end(), "");
  if (variables_end == texts.end()) Fail("the spec lacks texts");
  return {
      texts[0], texts[1], texts[2], texts[3], {variables, variables_end}, {variables_end + 1, texts.end()}};
}

// Logs where the processor is, as eas_runtime/stacks.py does for the other workers.
void LogStacks(eas_ring* ring, uint32_t worker, const std::string& title) {
  std::vector<char> stacks(kStacksSize);
  eas_stacks(ring, worker, stacks.data(), stacks.size());
  if (stacks[0] == '\0') return;
  const std::string text = title + "\n" + stacks.data();
  eas_log('W', text.data(), text.size() - 1);  // without the last line feed
}

// Logs where a processor is that takes long to load, more and more rarely, until this is destroyed.
class LoadingWatch {
 public:
  LoadingWatch(eas_ring* ring, uint32_t worker) : thread_([this, ring, worker] { Run(ring, worker); }) {}
  ~LoadingWatch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      loaded_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void Run(eas_ring* ring, uint32_t worker) {
    std::unique_lock<std::mutex> lock(mutex_);
    std::chrono::seconds seconds = kFirstReport;
    const auto start = std::chrono::steady_clock::now();
    while (!changed_.wait_until(lock, start + seconds, [this] { return loaded_; })) {
      LogStacks(ring, worker, "still loading, for " + std::to_string(seconds.count()) + " s");
      seconds *= 2;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool loaded_ = false;  // guarded by mutex_
  std::thread thread_;   // last: it uses the others
};

void SetInherited(int fd, bool inherited) { fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC); }

void DoNothing(int) {}

// Ignores the signals that are meant for the host, which sends its workers messages. The handler is not
// SIG_IGN, because processes that the processor starts would inherit that; a signal that is already ignored
// stays ignored.
void IgnoreSignals() {
  for (const int number : kHostSignals) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = &DoNothing;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
    eas_signal_take(number, 0);
  }
  eas_signal_keep_restored();  // the processor may start a JVM
}

// One worker process.
class Worker {
 public:
  explicit Worker(char** arguments)
      : fds_{ParseNumber(arguments[0]), ParseNumber(arguments[1]), ParseNumber(arguments[2]),
             ParseNumber(arguments[3]), ParseNumber(arguments[5]), ParseNumber(arguments[10])},
        parent_(ParseNumber(arguments[4])),
        number_(static_cast<uint32_t>(ParseNumber(arguments[6]))),
        threads_(static_cast<uint32_t>(ParseNumber(arguments[7]))),
        max_in_flight_(static_cast<uint32_t>(ParseNumber(arguments[8]))),
        confined_(ParseNumber(arguments[9]) != 0),
        keeps_crashes_(ParseNumber(arguments[11]) != 0),
        spec_(ReadSpec(fds_[4])) {
    // Processes that the processor starts must not have these descriptors.
    for (const int fd : fds_) SetInherited(fd, false);
  }

  int Run() {
    eas_die_with_parent(parent_);
    if (confined_) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // as in worker/main.py; execve has reset it
    SetVariables();
    IgnoreSignals();
    eas_stdout_line_buffered();
    eas_log_open(fds_[3]);
    char error[kErrorSize] = "";
    eas_ring* ring = eas_ring_map(fds_[1], fds_[2], error, sizeof(error));
    if (ring == nullptr) ExecFallback("ring", error);
    eas_crash_install(ring, number_, EAS_SIGNALS_ALL | (keeps_crashes_ ? EAS_SIGNALS_KEEP : 0));
    if (fds_[5] >= 0) eas_sanitizers_attach(fds_[5]);
    static eas_cpp* cpp;  // static: it and the model are no leaks of this program at its end
    {
      const LoadingWatch watch(ring, number_);
      cpp = Load();
    }
    eas_cpp_announce(cpp, ring, number_, max_in_flight_);
    Send("{\"event\": \"ready\"}\n");  // before the first call, which may end this process
    eas_cpp_start(cpp, ring, number_, threads_);
    AwaitStop(ring);
    eas_worker_stop(ring);
    eas_cpp_join(cpp);
    return 0;
  }

 private:
  static int ParseNumber(const char* argument) { return std::atoi(argument); }

  void SetVariables() const {
    for (const std::string& variable : spec_.variables) {
      const size_t name_end = variable.find('=');
      if (name_end == variable.npos) {
        unsetenv(variable.c_str());
      } else {
        setenv(variable.substr(0, name_end).c_str(), variable.c_str() + name_end + 1, 1);
      }
    }
  }

  eas_cpp* Load() {
    char error[kErrorSize] = "";
    // Python's extension modules look for Python's functions among the global symbols. A program that is
    // linked with libpython has them there, but the libraries of a processor are not global.
    if (!spec_.python.empty()) dlopen(spec_.python.c_str(), RTLD_NOW | RTLD_GLOBAL);
    eas_cpp* cpp = eas_cpp_open(spec_.entry.c_str(), error, sizeof(error));
    if (cpp == nullptr) ExecFallback("open", error);
    int state = kStateUnset;
    if (eas_cpp_initialize(cpp, spec_.model_entry.c_str(), spec_.model_config.c_str(), &state, error,
                           sizeof(error)) != 0) {
      ExecFallback("initialize", error);
    }
    if (state != 0) ExecFallback("state", std::to_string(state).c_str());
    return cpp;
  }

  [[noreturn]] void ExecFallback(const char* step, const char* text) {
    std::fflush(nullptr);
    for (const int fd : fds_) SetInherited(fd, true);
    std::vector<char*> arguments;
    for (std::string& argument : spec_.fallback) arguments.push_back(&argument[0]);
    arguments.push_back(const_cast<char*>(step));
    arguments.push_back(const_cast<char*>(text));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    Fail(arguments[0]);
  }

  // A string of JSON without its escapes, as far as a reason for a line in the log has any.
  static std::string Unescaped(const std::string& json) {
    std::string text;
    for (size_t i = 0; i < json.size(); ++i) {
      if (json[i] == '\\' && i + 1 < json.size()) ++i;
      text += json[i];
    }
    return text;
  }

  void Send(const std::string& line) {
    for (size_t done = 0; done < line.size();) {
      const ssize_t sent = write(fds_[0], line.data() + done, line.size() - done);
      if (sent < 0 && errno != EINTR) return;  // the host is gone
      if (sent > 0) done += static_cast<size_t>(sent);
    }
  }

  // Waits for the stop message. Messages are lines of JSON, with the event first; of the others this program
  // needs only the one that asks for stacks.
  void AwaitStop(eas_ring* ring) {
    const std::string stop = "{\"event\": \"stop\"}";
    const std::string stacks = "{\"event\": \"stacks\", \"reason\": \"";
    std::string line;
    for (;;) {
      char data[4096];
      const ssize_t size = read(fds_[0], data, sizeof(data));
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) _exit(1);  // the host is gone
      for (ssize_t i = 0; i < size; ++i) {
        if (data[i] == '\n') {
          if (line == stop) return;
          if (line.compare(0, stacks.size(), stacks) == 0) {
            const std::string reason = line.substr(stacks.size(), line.rfind('"') - stacks.size());
            LogStacks(ring, number_, "where the busy worker threads are (" + Unescaped(reason) + "):");
          }
          line.clear();
        } else if (line.size() < kMaxLine) {
          line += data[i];
        }
      }
    }
  }

  const int fds_[6];
  const int parent_;
  const uint32_t number_;
  const uint32_t threads_;
  const uint32_t max_in_flight_;
  const bool confined_;
  const bool keeps_crashes_;
  Spec spec_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 13) {
    std::fprintf(stderr, "eas-cpp-worker: this program is started by eas-host only\n");
    return 2;
  }
  return Worker(arguments + 1).Run();
}
