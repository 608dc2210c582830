// Calls of async_process: what it is given, and what each call of `done` makes of its request.
#include "async_call.h"

#include <atomic>
#include <thread>

#include "async_testing.h"
#include "batching.h"

namespace eas {
namespace {

using testing::Begun;
using testing::Calls;
using testing::Child;
using testing::Completion;
using testing::kMore;
using testing::LogCatcher;
using testing::Obeys;
using testing::RingSize;
using testing::Served;
using testing::Sync;
using testing::TestRing;

TEST(AsyncCall, MayBeAnsweredBeforeItReturns) {
  Served served;
  const Completion done = served.ring.Ask("echo");
  EXPECT_EQ(EAS_RETURNED, done.outcome);
  EXPECT_EQ(0, done.status);
  EXPECT_EQ("echo", done.output);
}

TEST(AsyncCall, MayBeAnsweredLaterByAnyThread) {
  Served served(1);
  const int first = served.Submit("one");
  const Begun one = served.calls.Next();
  const int second = served.Submit("two");  // by the same thread, which is free
  const Begun two = served.calls.Next();
  EXPECT_EQ("one", one.body());
  EXPECT_EQ('\0', one.input[3]);
  EXPECT_NE(one.id, two.id);
  std::thread([&] { two.Done("answer two", 1, 404); }).join();
  Completion done = served.ring.Finish();
  EXPECT_EQ(second, done.slot);
  EXPECT_EQ("answer two", done.output);
  EXPECT_EQ(404, done.status);
  std::thread([&] { one.Done("answer one"); }).join();
  done = served.ring.Finish();
  EXPECT_EQ(first, done.slot);
  EXPECT_EQ("answer one", done.output);
}

TEST(AsyncCall, NoThreadHasItMeanwhile) {
  Served served(1);
  const int slot = served.Submit("one");
  const Begun one = served.calls.Next();
  served.ring.Ask("echo");  // the thread is back
  uint32_t worker = 9;
  uint32_t thread = 9;
  EXPECT_EQ(EAS_RUNNING, eas_front_phase(served.ring, slot, &worker, &thread));
  EXPECT_EQ(0u, worker);
  EXPECT_EQ(EAS_NO_THREAD, thread);
  served.calls.Next();
  one.Done("");
  EXPECT_EQ("", served.ring.Finish().output);
}

TEST(AsyncCall, BytesPassExactlyAtEverySize) {
  Served served;
  for (const size_t size : {0, 1, 4095, 4096, 1 << 20, (1 << 20) + 1, 4 << 20}) {
    std::string body(size, '\0');
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 >> 3);
    served.Submit(body);
    const Begun begun = served.calls.Next();
    EXPECT_EQ('\0', begun.input[size]);
    begun.done(begun.input, begun.size, begun.id, 1, 200);  // the input is as good as any output
    EXPECT_TRUE(body == served.ring.Finish().output) << size;
  }
}

TEST(AsyncCall, PartsArriveInTheirOrder) {
  Served served;
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  begun.Done("one ", 0, 201);
  begun.Done("", 0);
  begun.Done("two ", 0, 500);
  begun.Done("three");
  EXPECT_EQ("one two three", served.ReadParts(slot));
  EXPECT_EQ(EAS_PARTS_ENDED, served.outcome);
  EXPECT_EQ(201, served.status);
}

TEST(AsyncCall, PartsOfSeveralThreadsAreNeverMixed) {
  Served served(1);
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  constexpr size_t kPart = 50'000;  // two of them do not fit, so each waits
  constexpr int kThreads = 4;
  std::atomic<int> left{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      begun.Done(std::string(kPart, static_cast<char>('a' + i)), 0);
      if (--left == 0) begun.Done("");
    });
  }
  const std::string all = served.ReadParts(slot, 1000);
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(kPart * kThreads, all.size());
  for (size_t at = 0; at < all.size(); at += kPart)
    EXPECT_EQ(std::string(kPart, all[at]), all.substr(at, kPart)) << at;
}

TEST(AsyncCall, AnErrorAfterPartsIsAFailure) {
  LogCatcher log;
  Served served;
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  begun.Done("part", 0);
  begun.Done("out of memory", 1, 500);
  served.ReadParts(slot);
  EXPECT_EQ(EAS_RAISED, served.outcome);
  served.Stop();
  EXPECT_NE(std::string::npos, log.Read().find("with the error 500: out of memory"));
}

TEST(AsyncCall, ANumberThatMeansNoRequestIsLoggedOnceInAWhile) {
  LogCatcher log;
  Served served;
  served.Submit("body");
  const Begun begun = served.calls.Next();
  begun.Done("first");
  EXPECT_EQ("first", served.ring.Finish().output);
  for (int i = 0; i < 100; ++i) begun.Done("second");
  begun.done("x", 1, begun.id + 1000, 1, 0);
  begun.done("x", 1, -1, 0, 0);
  EXPECT_EQ("echo", served.ring.Ask("echo").output);
  served.Stop();
  const std::string text = log.Read();
  const std::string line = "done was called for request_id " + std::to_string(begun.id);
  EXPECT_NE(std::string::npos, text.find(line));
  EXPECT_EQ(text.find("done was called"), text.rfind("done was called"));
}

TEST(AsyncCall, AnExceptionIsTheAnswerAndALaterDoneIsNone) {
  LogCatcher log;
  Served served;
  const Completion done = served.ring.Ask("throw");
  EXPECT_EQ(EAS_RAISED, done.outcome);
  EXPECT_EQ("bad body", done.Message());
  served.calls.Next().Done("late");
  EXPECT_EQ("answered", served.ring.Ask("late throw").output);
  EXPECT_EQ("echo", served.ring.Ask("echo").output);
  served.Stop();
  const std::string text = log.Read();
  EXPECT_NE(std::string::npos, text.find("async_process threw std::runtime_error: bad body"));
  EXPECT_NE(std::string::npos, text.find("after the answer to its request: too late"));
}

TEST(AsyncCall, AThreadThatTheProcessorEndsIsReplaced) {
  LogCatcher log;
  Served served(1, 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(EAS_RAISED, served.ring.Ask("end").outcome);
  EXPECT_EQ("echo", served.ring.Ask("echo").output);
}

TEST(AsyncCall, WrongSizesAreRefused) {
  LogCatcher log;
  Served served;
  for (const int finished : {0, 1}) {
    served.Submit("body");
    const Begun begun = served.calls.Next();
    begun.done("x", -1, begun.id, finished, 200);
    EXPECT_EQ(EAS_BAD_OUTPUT, served.ring.Finish().outcome);
    served.Submit("body");
    const Begun other = served.calls.Next();
    other.done(nullptr, 5, other.id, finished, 200);
    EXPECT_EQ("done was given no output but an output size of 5", served.ring.Finish().output);
    other.Done("ignored");
  }
  served.Submit("body");
  served.calls.Next().Done(std::string((4 << 20) + 1, 'x'));
  EXPECT_EQ(EAS_TOO_LARGE, served.ring.Finish().outcome);
}

TEST(AsyncCall, NoMoreAreUnderWayThanMayBe) {
  Served served(3, 2);
  EXPECT_EQ(2u, eas_front_max_in_flight(served.ring, 0));
  std::vector<int> slots;
  for (int i = 0; i < 5; ++i) slots.push_back(served.Submit(std::to_string(i)));
  const Begun first = served.calls.Next();
  const Begun second = served.calls.Next();
  EXPECT_EQ(3, eas_front_waiting(served.ring));
  first.Done("first");
  EXPECT_EQ("first", served.ring.Finish().output);
  const Begun third = served.calls.Next();
  EXPECT_TRUE(served.calls.empty());
  EXPECT_EQ(2, eas_front_waiting(served.ring));
  for (const Begun& begun : {second, third}) {
    begun.Done("x");
    served.ring.Finish();
    served.calls.Next().Done("x");
    served.ring.Finish();
  }
  EXPECT_EQ(0, eas_front_in_flight(served.ring));
}

// Nobody waits, but the processor may still read: only the last done gives the place back.
TEST(AsyncCall, OneThatNobodyWaitsForKeepsItsPlaceAndItsInput) {
  Served served(1, 1);
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  eas_front_abandon(served.ring, slot);
  served.Submit("next");
  EXPECT_EQ("body", begun.body());
  begun.Done("part that nobody reads", 0);
  EXPECT_EQ(1, eas_front_waiting(served.ring));
  begun.Done("late");
  EXPECT_EQ(slot, served.ring.Finish().slot);
  served.calls.Next().Done("x");
  EXPECT_EQ("x", served.ring.Finish().output);
}

TEST(AsyncCall, APartWaitsForASlowClientUntilItLeaves) {
  Served served;
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  std::thread sender([&] { begun.Done(std::string(kMore, 'x'), 0); });
  while (eas_front_read_parts(served.ring, slot, nullptr, 0) == 0) {
    int64_t numbers[4];
    char copies[64];
    if (eas_front_collect(served.ring, numbers, 1, copies, sizeof(copies)) > 0) break;
    served.ring.Sleep();
  }
  EXPECT_EQ("echo", [&] {
    const int other = served.Submit("echo");
    const Completion done = served.ring.Finish();
    EXPECT_EQ(other, done.slot);
    return done.output;
  }()) << "a slow client keeps no thread of the host";
  eas_front_abandon(served.ring, slot);
  sender.join();
  begun.Done("");
  served.ReadParts(slot);
}

TEST(AsyncCall, APartThatWaitsReturnsWhenTheHostEnds) {
  Served served;
  const int slot = served.Submit("body");
  const Begun begun = served.calls.Next();
  std::thread sender([&] { begun.Done(std::string(kMore, 'x'), 0); });
  served.ring.Sleep();
  served.Stop();
  sender.join();
  begun.Done("nobody is there");
  EXPECT_EQ("body", begun.body());
  EXPECT_EQ(EAS_RUNNING, eas_front_phase(served.ring, slot, nullptr, nullptr));
}

TEST(AsyncCall, ItGoesBeforeBatches) {
  LogCatcher log;
  const TestRing ring(RingSize(4, 1, 1));
  eas_front_set_batching(ring, EAS_BATCHING_ADAPTIVE, 4, 1 << 20, 0);
  Calls calls;
  Processor processor;
  processor.process = &Sync;
  processor.batch_process = [](void*, const void**, int*, void**, int*) { return 500; };
  processor.async_process = &Obeys;
  processor.model = &calls;
  {
    ThreadPool pool(processor, *ring.ring, 0, 1, 4);
    EXPECT_EQ(1u, eas_front_batch_size(ring, 0));
    EXPECT_EQ("echo", ring.Ask("echo").output);
    eas::Stop(*ring.ring);
  }
  EXPECT_NE(std::string::npos, log.Read().find("async_process, which goes first"));
}

// Each request is answered once, with its own body, whoever calls done and whenever.
TEST(AsyncCall, ManyThreadsAnswerManyRequests) {
  Served served(3, 6);
  constexpr int kRequests = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&served] {
      for (;;) {
        const Begun begun = served.calls.Next();
        if (begun.body() == "stop") return begun.Done("stopped");
        if (begun.id % 3 == 0) begun.Done("", 0);
        begun.Done(begun.body());
        if (begun.id % 5 == 0) begun.Done("twice");
      }
    });
  }
  std::vector<std::string> expected(16);
  int answered = 0;
  for (int sent = 0; answered < kRequests;) {
    while (sent < kRequests && eas_front_in_flight(served.ring) < 12) {
      const std::string body = "body " + std::to_string(sent++);
      expected[static_cast<size_t>(served.Submit(body))] = body;
    }
    int64_t numbers[4];
    char copies[4096];
    if (eas_front_collect(served.ring, numbers, 1, copies, sizeof(copies)) == 0) {
      served.ring.Sleep();
      continue;
    }
    if (numbers[1] == EAS_PARTS) continue;
    const auto slot = static_cast<uint32_t>(numbers[0]);
    const auto size = static_cast<size_t>(numbers[3]);
    std::string got(size, '\0');
    if (numbers[1] == EAS_PARTS_ENDED) {
      got.resize(eas_front_read_parts(served.ring, static_cast<int>(slot), got.data(), size));
      eas_front_release(served.ring, static_cast<int>(slot));
    } else if ((numbers[1] & EAS_COPIED) != 0) {
      got.assign(copies, size);
    } else {
      got.assign(eas_slot_output(served.ring, slot), size);
      eas_front_release(served.ring, static_cast<int>(slot));
    }
    EXPECT_EQ(expected[slot], got);
    ++answered;
  }
  for (size_t i = 0; i < threads.size(); ++i) served.Submit("stop");
  for (std::thread& thread : threads) thread.join();
}

// The output of done is not there: the processor's own thread dies, and its request is known.
TEST(Crash, ACrashInDoneIsThatOfItsRequest) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    Processor processor;
    processor.async_process = [](void*, const void* input, int size, int64_t id, DoneCallback done) {
      if (size == 0) return;
      std::thread([=] { done(static_cast<const char*>(nullptr) + 16, 64, id, 1, 200); }).detach();
      (void)input;
    };
    const ThreadPool pool(processor, *ring.ring, 1, 3);
    pause();
  });
  ring.Submit("");
  const int slot = ring.Submit("dies");
  eas_front_wake(ring, 2);
  EXPECT_EQ(SIGSEGV, WTERMSIG(worker.Wait()));
  eas_crash crash;
  ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(slot, crash.slot);
  EXPECT_EQ(16u, crash.output);
}

TEST(Crash, ACrashInAsyncProcessIsThatOfItsRequest) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] {
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    Processor processor;
    processor.async_process = [](void*, const void*, int size, int64_t, DoneCallback) {
      if (size > 0) __builtin_trap();
    };
    const ThreadPool pool(processor, *ring.ring, 1, 1);
    pause();
  });
  ring.Submit("");
  ring.Submit("");
  const int slot = ring.Submit("dies");
  eas_front_wake(ring, 2);
  EXPECT_TRUE(WIFSIGNALED(worker.Wait()));
  eas_crash crash;
  ASSERT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(slot, crash.slot);
}

}  // namespace
}  // namespace eas
