// Calls of batch_process: what it is given, and what becomes of each request. The processors are functions of
// this file, so that the address sanitizer sees each malloc and each free.
#include "batch_call.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "statistics.h"
#include "testing.h"
#include "thread_pool.h"
#include "worker.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::RingSize;
using testing::TestRing;

constexpr uint64_t kForEver = 3'600'000'000'000;  // nanoseconds: a batch is full before

// A ring with one thread that runs `batch_process` in batches of exactly `size`.
class Batches {
 public:
  explicit Batches(BatchFunction batch_process, uint64_t size, ProcessFunction process = &Alone,
                   uint64_t max_bytes = 64 << 20)
      : ring(RingSize(16, 1, 1, 4 << 20, 1 << 20)), processor_{nullptr, process, batch_process} {
    eas_front_set_batching(ring, EAS_BATCHING_FIXED, size, max_bytes, kForEver);
    pool_ = std::make_unique<ThreadPool>(processor_, *ring.ring, 0, 1);
  }
  ~Batches() {
    eas::Stop(*ring.ring);
    pool_.reset();
  }

  // Submits the bodies, and returns the answers in their order.
  std::vector<Completion> Ask(const std::vector<std::string>& bodies) {
    std::map<int, size_t> places;
    for (size_t i = 0; i < bodies.size(); ++i) places[ring.Submit(bodies[i])] = i;
    eas_front_wake(ring, 1);
    std::vector<Completion> answers(bodies.size());
    for (size_t found = 0; found < bodies.size();) {
      const std::vector<Completion> done = ring.Drain();
      for (const Completion& one : done) {
        answers[places.at(one.slot)] = one;
        eas_front_release(ring, one.slot);
      }
      found += done.size();
      if (done.empty()) ring.Sleep();
    }
    return answers;
  }

  // Answers "alone BODY"; the status 418 for "fail".
  static int Alone(void*, const void* input, int size, void** output, int* output_size) {
    const std::string body(static_cast<const char*>(input), static_cast<size_t>(size));
    if (body == "throw") throw std::runtime_error("bad body");
    if (body == "end") pthread_exit(nullptr);
    *output = strdup(("alone " + body).c_str());
    *output_size = size + 6;
    return body == "fail" ? 418 : 200;
  }

  const TestRing ring;

 private:
  const Processor processor_;
  std::unique_ptr<ThreadPool> pool_;
};

int Count(const void* inputs[]) {
  int count = 0;
  while (inputs[count] != nullptr) ++count;
  return count;
}

// Answers each with "BODY/number of requests".
int Echo(void*, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
  for (int i = 0; inputs[i] != nullptr; ++i) {
    const std::string text = std::string(static_cast<const char*>(inputs[i]), static_cast<size_t>(sizes[i])) +
                             "/" + std::to_string(Count(inputs));
    if (outputs[i] != nullptr || output_sizes[i] != 0) return 500;
    if (static_cast<const char*>(inputs[i])[sizes[i]] != '\0') return 500;
    outputs[i] = strdup(text.c_str());
    output_sizes[i] = static_cast<int>(text.size());
  }
  return 0;
}

// The same, and what a body says.
int Obeys(void* model, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
  for (int i = 0; inputs[i] != nullptr; ++i) {
    const std::string body(static_cast<const char*>(inputs[i]), static_cast<size_t>(sizes[i]));
    if (body == "throw") {
      outputs[i] = std::malloc(1);
      std::free(outputs[i]);  // as a destructor would while unwinding
      throw std::runtime_error("bad batch");
    }
    if (body == "end") pthread_exit(nullptr);
    if (body == "fail") {
      outputs[0] = strdup("why");
      output_sizes[0] = 3;
      return 418;
    }
  }
  return Echo(model, inputs, sizes, outputs, output_sizes);
}

TEST(BatchCall, EachRequestGetsItsOwnAnswer) {
  Batches batches(&Echo, 3);
  for (int round = 0; round < 3; ++round) {
    const auto answers = batches.Ask({"one", "", "three"});
    EXPECT_EQ("one/3", answers[0].output);
    EXPECT_EQ("/3", answers[1].output);
    EXPECT_EQ("three/3", answers[2].output);
    for (const Completion& answer : answers) EXPECT_EQ(EAS_RETURNED, answer.outcome);
  }
}

TEST(BatchCall, OneRequestIsABatchToo) {
  Batches batches(&Echo, 1);
  EXPECT_EQ("x/1", batches.Ask({"x"})[0].output);
}

TEST(BatchCall, BodiesOfAllSizesGoTogether) {
  Batches batches(&Echo, 3);
  const std::string large(3 << 20, 'l');  // its answer is larger than max_output
  const auto answers = batches.Ask({"small", std::string(900'000, 'm'), large});
  EXPECT_EQ("small/3", answers[0].output);
  EXPECT_EQ(std::string(900'000, 'm') + "/3", answers[1].output);
  EXPECT_EQ(EAS_TOO_LARGE, answers[2].outcome);
}

TEST(BatchCall, ABatchIsNotLargerThanItMay) {
  Batches batches(&Echo, 2, &Batches::Alone, 10);
  const auto answers = batches.Ask({"0123456789ab", "c", "d", "01234", "56789!", "e"});
  EXPECT_EQ("0123456789ab/1", answers[0].output);  // larger than a whole batch may be
  EXPECT_EQ("c/2", answers[1].output);
  EXPECT_EQ("d/2", answers[2].output);
  EXPECT_EQ("01234/1", answers[3].output);  // the next would be too much
  EXPECT_EQ("e/2", answers[5].output);
}

TEST(BatchCall, AFailureRunsEachByItself) {
  LogCatcher log;
  {
    Batches batches(&Obeys, 3);
    const auto answers = batches.Ask({"a", "fail", "b"});
    EXPECT_EQ("alone a", answers[0].output);
    EXPECT_EQ(418, answers[1].status);
    EXPECT_EQ("alone fail", answers[1].output);
    EXPECT_EQ("alone b", answers[2].output);
  }
  EXPECT_NE(std::string::npos,
            log.Read().find("batch_process returned 418 for a batch; its 3 requests run again"));
}

TEST(BatchCall, AnExceptionRunsEachByItself) {
  LogCatcher log;
  {
    Batches batches(&Obeys, 3);
    const auto answers = batches.Ask({"a", "b", "throw"});
    EXPECT_EQ("alone a", answers[0].output);
    EXPECT_EQ("alone b", answers[1].output);
    EXPECT_EQ(EAS_RAISED, answers[2].outcome);
    EXPECT_EQ("bad body", answers[2].Message());
  }
  EXPECT_NE(std::string::npos, log.Read().find("batch_process threw std::runtime_error: bad batch; its 3"));
}

TEST(BatchCall, AFailureOfOneRequestIsItsAnswer) {
  Batches batches(&Obeys, 1);
  const Completion failed = batches.Ask({"fail"})[0];
  EXPECT_EQ(418, failed.status);
  EXPECT_EQ("why", failed.output);
  EXPECT_EQ("bad batch", batches.Ask({"throw"})[0].Message());
}

TEST(BatchCall, AThreadThatIsEndedLeavesTheOthersToTheNext) {
  Batches batches(&Obeys, 3);
  const auto answers = batches.Ask({"a", "end", "b"});
  EXPECT_EQ("alone a", answers[0].output);
  EXPECT_EQ("the processor ended its thread (pthread_exit)", answers[1].Message());
  EXPECT_EQ("alone b", answers[2].output);
  EXPECT_EQ("d/3", batches.Ask({"c", "d", "e"})[1].output);
}

TEST(BatchCall, OneBadOutputCostsOneAnswer) {
  Batches batches(
      [](void*, const void* inputs[], int*, void* outputs[], int* output_sizes) {
        static char fixed[] = "static";
        for (int i = 0; inputs[i] != nullptr; ++i) {
          const std::string body = static_cast<const char*>(inputs[i]);
          outputs[i] = body == "same" ? outputs[i - 1] : body == "static" ? fixed : strdup("ok");
          output_sizes[i] = body == "negative" ? -1 : 2;
        }
        return 200;
      },
      5);
  const auto answers = batches.Ask({"a", "same", "static", "negative", "b"});
  EXPECT_EQ("ok", answers[0].output);
  for (const int i : {1, 2, 3}) EXPECT_EQ(EAS_BAD_OUTPUT, answers[static_cast<size_t>(i)].outcome) << i;
  EXPECT_EQ("batch_process returned a negative output size: -1", answers[3].output);
  EXPECT_EQ("ok", answers[4].output);
}

// The block would be freed twice, or while it is in use.
TEST(BatchCall, AnOutputThatTheHostOwnsCostsOneAnswer) {
  Batches batches(
      [](void*, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
        for (int i = 0; inputs[i] != nullptr; ++i) {
          const std::string body(static_cast<const char*>(inputs[i]), static_cast<size_t>(sizes[i]));
          outputs[i] = strdup("ok");
          output_sizes[i] = 2;
          if (body == "good" || body.size() > 1000) continue;
          std::free(outputs[i]);
          if (body == "input") outputs[i] = const_cast<void*>(inputs[0]);
          if (body == "large") outputs[i] = const_cast<void*>(inputs[4]);
          if (body == "array") outputs[i] = static_cast<void*>(outputs);
        }
        return 200;
      },
      5);
  for (int round = 0; round < 3; ++round) {
    const auto answers = batches.Ask({"good", "input", "large", "array", std::string(2 << 20, 'x')});
    EXPECT_EQ("ok", answers[0].output);
    for (const size_t i : {1, 2, 3}) {
      EXPECT_EQ(EAS_BAD_OUTPUT, answers[i].outcome) << i;
      EXPECT_NE(std::string::npos, answers[i].output.find("into an input, or into the host's own arrays"))
          << i;
    }
    EXPECT_EQ("ok", answers[4].output);
  }
}

TEST(BatchCall, WhatAProcessorOverwroteIsRightForTheNextWorker) {
  const TestRing ring(RingSize(4, 1, 1));
  eas_front_set_batching(ring, EAS_BATCHING_FIXED, 2, 1 << 20, kForEver);
  for (auto& word : ring->header->batching) word.store(UINT64_MAX);
  eas_front_reset_worker(ring, 0, 0);
  EXPECT_EQ(2u, ring->header->batching[1].load());
  EXPECT_EQ(1u << 20, ring->header->batching[2].load());
}

TEST(BatchCall, WithoutTheFunctionRequestsRunOneByOne) {
  LogCatcher log;
  {
    Batches batches(nullptr, 3);
    EXPECT_EQ("alone x", batches.Ask({"x"})[0].output);
    EXPECT_EQ(1u, eas_front_batch_size(batches.ring, 0));
  }
  EXPECT_NE(std::string::npos, log.Read().find("the library exports no batch_process"));
}

TEST(BatchCall, BatchesAreCounted) {
  Batches batches(&Echo, 3);
  batches.Ask({"a", "b", "c"});
  batches.Ask({"a", "b", "c"});
  eas_stats stats{};
  eas_front_stats(batches.ring, &stats);
  EXPECT_EQ(2u, stats.batches[2]);  // three or four
  EXPECT_EQ(6u, stats.batched);
  EXPECT_EQ(3u, eas_front_batch_size(batches.ring, 0));
}

// A request that may have ended a worker runs by itself, in process.
TEST(BatchCall, ARequestThatMustRunAloneDoes) {
  const TestRing ring(RingSize(4, 1, 1));
  const Processor processor{nullptr, &Batches::Alone, &Echo};
  eas_front_set_batching(ring, EAS_BATCHING_FIXED, 2, 1 << 20, kForEver);
  eas_front_reset_worker(ring, 0, 1);
  const int slot = ring.Submit("suspect");
  EXPECT_EQ(0, eas_front_requeue_solo(ring, slot, 0));
  {
    ThreadPool pool(processor, *ring.ring, 0, 1);
    EXPECT_EQ("alone suspect", ring.Finish().output);
    eas::Stop(*ring.ring);
  }
}

}  // namespace
}  // namespace eas
