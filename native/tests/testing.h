// Helpers for the native tests: a ring with its eventfd, child processes that never outlive the test, and a
// pipe that catches the log.
//
// These tests never sleep. They wait for a completion, a byte in a pipe, or the end of a process; the
// time-outs only stop a hang.
#ifndef EAS_NATIVE_TESTING_H_
#define EAS_NATIVE_TESTING_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "api.h"
#include "ring.h"

namespace eas::testing {

inline constexpr int kTimeout =
    60'000;  // milliseconds: longer than any step takes on a busy machine with a sanitizer

struct Completion {
  int slot;
  int outcome;
  int status;
  std::string output;

  // The output, of an exception without the frames at its end.
  std::string Message() const {
    return output.substr(0, output.size() - (outcome == EAS_RAISED ? static_cast<size_t>(status) : 0));
  }
};

inline eas_ring_size RingSize(uint32_t slots, uint32_t workers = 2, uint32_t threads = 5,
                              uint64_t max_body = 1 << 20, uint64_t max_output = 1 << 20) {
  return {slots, workers, threads, max_body, max_output};
}

class TestRing {
 public:
  explicit TestRing(const eas_ring_size& ring_size = RingSize(8)) {
    char error[256] = "";
    memfd = eas_ring_create(&ring_size, error, sizeof(error));
    eventfd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ring = memfd < 0 ? nullptr : eas_ring_map(memfd, eventfd, error, sizeof(error));
    if (ring == nullptr) {
      ADD_FAILURE() << error;
      std::abort();
    }
  }
  TestRing(const TestRing&) = delete;
  TestRing& operator=(const TestRing&) = delete;
  ~TestRing() {
    eas_ring_unmap(ring);
    close(memfd);
    close(eventfd);
  }

  operator eas_ring*() const { return ring; }
  eas_ring* operator->() const { return ring; }

  int Submit(const std::string& body) const { return eas_front_submit(ring, body.data(), body.size()); }

  // Takes as this worker's thread. Blocks if no request waits.
  eas_call Take(uint32_t worker = 0, uint32_t thread = 0) const {
    eas_call call{};
    EXPECT_EQ(1, eas_worker_take(ring, worker, thread, &call));
    return call;
  }

  void Reply(const eas_call& call, const std::string& output, int status = 0, uint32_t worker = 0,
             uint32_t thread = 0) const {
    eas_worker_reply(ring, worker, thread, &call, EAS_RETURNED, status, output.data(), output.size());
  }

  // Returns the completions. The front keeps their slots.
  std::vector<Completion> Drain() const {
    std::vector<int64_t> numbers(4 * ring->layout.ring_size.slots);
    const int count = eas_front_drain(ring, numbers.data(), static_cast<int>(ring->layout.ring_size.slots));
    std::vector<Completion> completions;
    for (int i = 0; i < count; ++i) {
      const int64_t* at = &numbers[4 * static_cast<size_t>(i)];
      const auto slot = static_cast<uint32_t>(at[0]);
      completions.push_back({static_cast<int>(slot), static_cast<int>(at[1]), static_cast<int>(at[2]),
                             std::string(eas_slot_output(ring, slot), static_cast<size_t>(at[3]))});
    }
    return completions;
  }

  // Sleeps on the eventfd, as the front does, until a request may be complete or `also` becomes readable.
  void Sleep(int also = -1) const {
    if (eas_front_request_notification(ring) == 0) return;
    pollfd wait[2] = {{eventfd, POLLIN, 0}, {also, POLLIN, 0}};
    if (poll(wait, 2, kTimeout) == 0) {
      ADD_FAILURE() << "nothing completes";
      std::abort();
    }
    uint64_t count;
    [[maybe_unused]] const ssize_t got = read(eventfd, &count, sizeof(count));
  }

  // Waits for one completion, and releases it.
  Completion Finish() const {
    for (;;) {
      const std::vector<Completion> done = Drain();
      if (!done.empty()) {
        EXPECT_EQ(1u, done.size());
        eas_front_release(ring, done[0].slot);
        return done[0];
      }
      Sleep();
    }
  }

  // Submits, wakes, and waits for the answer.
  Completion Ask(const std::string& body) const {
    EXPECT_GE(Submit(body), 0);
    eas_front_wake(ring, 1);
    return Finish();
  }

  int memfd = -1;
  int eventfd = -1;
  eas_ring* ring = nullptr;
};

// A forked process that runs `body`; it dies with the test. REQUIRES: this process has one thread.
class Child {
 public:
  explicit Child(const std::function<void()>& body) {
    const pid_t parent = getpid();
    std::fflush(nullptr);  // or the child may write the parent's buffered output once more
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(99);
    body();
    _exit(0);
  }
  Child(Child&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Child() {
    if (pid_ > 0) Kill(SIGKILL);
    if (pid_ > 0) Wait();
  }

  pid_t pid() const { return pid_; }
  void Kill(int signal) const { kill(pid_, signal); }

  // Returns the wait status. The caller must kill a child that does not end by itself.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

// Catches the log of this process while it lives.
class LogCatcher {
 public:
  LogCatcher() {
    if (pipe(pipe_) != 0) std::abort();
    eas_log_open(pipe_[1]);
  }
  ~LogCatcher() {
    eas_log_open(-1);
    close(pipe_[0]);
    if (pipe_[1] >= 0) close(pipe_[1]);
  }

  // Returns all records so far, with their end bytes. Nothing may be logged afterwards.
  std::string Read() {
    eas_log_open(-1);
    close(pipe_[1]);
    pipe_[1] = -1;
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(pipe_[0], buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<size_t>(got));
    return text;
  }

 private:
  int pipe_[2];
};

// The memory that the ring's file occupies, in bytes.
inline uint64_t Occupied(const TestRing& ring) {
  struct stat info{};
  fstat(ring.memfd, &info);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

}  // namespace eas::testing

#endif  // EAS_NATIVE_TESTING_H_
