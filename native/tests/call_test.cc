// Single calls, and the thread pool: what a processor is given, and how its results are handled. The
// processors are functions of this file, so that the address sanitizer sees each malloc and each free.
#include "call.h"

#include <pthread.h>

#include <atomic>
#include <climits>
#include <condition_variable>
#include <mutex>

#include "testing.h"
#include "thread_pool.h"
#include "worker.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::RingSize;
using testing::TestRing;

// A ring with threads that run `process`.
class CalledRing {
 public:
  explicit CalledRing(ProcessFunction process, uint32_t threads = 2,
                      const eas_ring_size& ring_size = RingSize(16, 2, 8, 4 << 20, 4 << 20))
      : ring(ring_size),
        processor_{nullptr, process, nullptr},
        pool_(std::make_unique<ThreadPool>(processor_, *ring.ring, 0, threads)) {}
  ~CalledRing() { Stop(); }

  void Stop() {
    if (pool_ != nullptr) Stop_();
  }

  const TestRing ring;

 private:
  void Stop_() {
    eas::Stop(*ring.ring);
    pool_.reset();
  }

  const Processor processor_;
  std::unique_ptr<ThreadPool> pool_;
};

void* Text(const char* text) { return strdup(text); }

TEST(Call, OutputPointersArePreset) {
  CalledRing served([](void*, const void* input, int size, void** output, int* output_size) {
    return *output == nullptr && *output_size == 0 && input != nullptr && size == 0 ? 200 : 500;
  });
  const Completion done = served.ring.Ask("");
  EXPECT_EQ(200, done.status);
  EXPECT_EQ("", done.output);
}

TEST(Call, BytesPassExactlyAtEverySize) {
  CalledRing served([](void*, const void* input, int size, void** output, int* output_size) {
    if (static_cast<const char*>(input)[size] != '\0') return 1;
    *output = std::malloc(static_cast<size_t>(size) + 1);
    std::memcpy(*output, input, static_cast<size_t>(size));
    *output_size = size;
    return 0;
  });
  for (const size_t size : {0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, 2 << 20, 4 << 20}) {
    std::string body(size, '\0');
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 >> 3);
    const Completion done = served.ring.Ask(body);
    EXPECT_EQ(0, done.status) << size;
    EXPECT_TRUE(body == done.output) << size;
  }
}

// A second run after a crash needs the bytes as the client sent them, so the slot must not change, whether
// the body is copied or mapped.
TEST(Call, AProcessorThatWritesIntoItsInputSpoilsNothing) {
  CalledRing served([](void*, const void* input, int size, void**, int*) {
    std::memset(const_cast<void*>(input), '!', static_cast<size_t>(size) + 1);
    return 0;
  });
  for (const size_t size : {size_t{10}, size_t{1 << 20}, size_t{3 << 20}}) {
    const std::string body(size, 'b');
    const int slot = served.ring.Submit(body);
    eas_front_wake(served.ring, 1);
    while (eas_front_phase(served.ring, slot, nullptr, nullptr) != EAS_DONE) served.ring.Sleep();
    const char* input = eas_slot_input(served.ring, static_cast<uint32_t>(slot));  // before it is given back
    EXPECT_TRUE(body == std::string(input, size)) << size;
    EXPECT_EQ('\0', input[size]);
    EXPECT_EQ(1u, served.ring.Drain().size());
    eas_front_release(served.ring, slot);
  }
}

TEST(Call, EveryStatusPasses) {
  CalledRing served([](void*, const void* input, int, void** output, int* output_size) {
    *output = Text("body");
    *output_size = 4;
    return std::atoi(static_cast<const char*>(input));
  });
  for (const int status : {0, 200, -1, 1, 99, 450, 599, 999, INT_MIN, INT_MAX}) {
    const Completion done = served.ring.Ask(std::to_string(status));
    EXPECT_EQ(EAS_RETURNED, done.outcome);
    EXPECT_EQ(status, done.status);
    EXPECT_EQ("body", done.output);
  }
}

// The address sanitizer fails this test on a second free, the leak sanitizer on a missing one.
TEST(Call, TheOutputIsFreedOnceInEveryCase) {
  CalledRing served([](void*, const void* input, int, void** output, int* output_size) {
    *output = Text("some output");
    switch (*static_cast<const char*>(input)) {
      case 'g':
        *output_size = 11;
        return 200;
      case 'e':
        *output_size = 11;
        return 500;
      case 'z':
        return 0;  // output without a size
      case 'n':
        *output_size = -1;
        return 0;
      default:
        std::free(*output);
        *output = std::malloc(5 << 20);
        std::memset(*output, 'l', 5 << 20);
        *output_size = 5 << 20;
        return 0;
    }
  });
  LogCatcher log;
  EXPECT_EQ("some output", served.ring.Ask("good").output);
  EXPECT_EQ("some output", served.ring.Ask("error").output);
  EXPECT_EQ("", served.ring.Ask("zero").output);
  EXPECT_EQ(EAS_BAD_OUTPUT, served.ring.Ask("negative").outcome);
  EXPECT_EQ(EAS_TOO_LARGE, served.ring.Ask("large").outcome);
  served.Stop();
  EXPECT_EQ(
      "Wprocess returned 0 and set no output_size, or 0, though there is a text at *output_data: the answer "
      "is "
      "empty\x1e"
      "Eprocess returned a negative output size: -1\x1e"
      "Ethe processor's output has 5242880 bytes, more than the 4194304 of --max-output\x1e",
      log.Read());
}

// An empty text has no bytes, and an error need not have any.
TEST(Call, AMissingSizeIsSaidOnce) {
  CalledRing served([](void*, const void* input, int, void** output, int*) {
    const char kind = *static_cast<const char*>(input);
    *output = Text(kind == 'e' ? "" : "text");
    return kind == 'b' ? 404 : 200;
  });
  LogCatcher log;
  for (const char* body : {"empty", "bad", "missing", "missing", "missing"}) {
    const Completion done = served.ring.Ask(body);
    EXPECT_EQ(EAS_RETURNED, done.outcome);
    EXPECT_EQ("", done.output);
  }
  served.Stop();
  EXPECT_EQ(
      "Wprocess returned 200 and set no output_size, or 0, though there is a text at *output_data: the "
      "answer "
      "is empty\x1e",
      log.Read());
}

// What cannot be freed is not freed, and the worker lives on.
TEST(Call, AnOutputThatIsNoBlockIsExplained) {
  CalledRing served([](void*, const void* input, int size, void** output, int* output_size) {
    static char buffer[16] = "static";
    *output = size == 0 ? buffer : const_cast<void*>(input);
    *output_size = size == 0 ? 6 : size;
    return 200;
  });
  LogCatcher log;
  for (int i = 0; i < 3; ++i) {
    const Completion done = served.ring.Ask("");
    EXPECT_EQ(EAS_BAD_OUTPUT, done.outcome);
    EXPECT_EQ(
        "*output_data is static data of the program: the host frees the output, so return a copy of it from "
        "malloc",
        done.output);
  }
  for (const size_t size : {size_t{3}, size_t{3} << 20}) {
    const Completion done = served.ring.Ask(std::string(size, 'i'));
    EXPECT_EQ(EAS_BAD_OUTPUT, done.outcome);
    EXPECT_EQ(0u, done.output.find("*output_data is input_data, which belongs to the host")) << done.output;
  }
  served.Stop();
  EXPECT_NE(std::string::npos, log.Read().find("E*output_data is input_data"));
}

TEST(Call, ASizeWithoutAnOutputIsExplained) {
  CalledRing served([](void*, const void*, int, void**, int* output_size) {
    *output_size = 17;
    return 0;
  });
  LogCatcher log;
  const Completion done = served.ring.Ask("x");
  EXPECT_EQ(EAS_BAD_OUTPUT, done.outcome);
  EXPECT_EQ("process returned no output but an output size of 17", done.output);
  served.Stop();
  EXPECT_EQ("Eprocess returned no output but an output size of 17\x1e", log.Read());
}

TEST(Call, AfterAnExceptionTheNextRequestWorks) {
  CalledRing served([](void*, const void*, int size, void**, int*) -> int {
    if (size > 0) throw std::runtime_error("no");
    return 200;
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ("no", served.ring.Ask("x").Message());
    EXPECT_EQ(200, served.ring.Ask("").status);
  }
}

// Each call goes on only when all five are inside.
TEST(Call, ThreadsCallAtOnce) {
  static std::mutex mutex;
  static std::condition_variable changed;
  static int inside;
  inside = 0;
  CalledRing served(
      [](void*, const void*, int, void**, int*) {
        std::unique_lock<std::mutex> lock(mutex);
        if (++inside == 5) changed.notify_all();
        changed.wait(lock, [] { return inside >= 5; });
        return 0;
      },
      5);
  for (int i = 0; i < 5; ++i) served.ring.Submit("x");
  eas_front_wake(served.ring, 1);
  for (size_t done = 0; done < 5;) {
    served.ring.Sleep();
    for (const Completion& one : served.ring.Drain()) {
      eas_front_release(served.ring, one.slot);
      ++done;
    }
  }
  EXPECT_EQ(5, inside);
}

TEST(Call, AThreadThatEndsItselfIsReplaced) {
  CalledRing served([](void*, const void*, int size, void**, int*) -> int {
    if (size > 0) pthread_exit(nullptr);
    return 200;
  });
  for (int i = 0; i < 10; ++i) {
    const Completion done = served.ring.Ask("x");
    EXPECT_EQ(EAS_RAISED, done.outcome);
    EXPECT_EQ("the processor ended its thread (pthread_exit)", done.output);
    EXPECT_EQ(200, served.ring.Ask("").status);
  }
}

}  // namespace
}  // namespace eas
