// Threads that loop or wait in a processor are described while they do, and go on afterwards.
#include "stacks.h"

#include <dlfcn.h>
#include <signal.h>

#include <memory>
#include <regex>
#include <thread>

#include "loader.h"
#include "testing.h"
#include "thread_pool.h"
#include "worker.h"

namespace eas {
namespace {

using testing::RingSize;
using testing::TestRing;

const std::string kPath = std::string(PROCESSORS) + "/stuck.so";

std::unique_ptr<Processor> Open() {
  std::string error;
  auto processor = OpenProcessor(kPath.c_str(), &error);
  EXPECT_NE(nullptr, processor) << error;
  return processor;
}

void Call(const char* function) {
  void* library = dlopen(kPath.c_str(), RTLD_NOW | RTLD_NOLOAD);
  reinterpret_cast<void (*)()>(dlsym(library, function))();
}

std::string Describe(const TestRing& ring, size_t size = 64 << 10) {
  std::string text(size, '\0');
  eas_stacks(ring, 0, text.data(), size);
  return text.c_str();
}

// Asks until the thread, which runs already, is where `function` is.
std::string DescribeUntil(const TestRing& ring, const std::string& function) {
  for (;;) {
    std::string text = Describe(ring);
    if (text.find("  at " + function + " (" + kPath) != std::string::npos) return text;
  }
}

// The text without offsets: a thread that computes is at another instruction each time.
std::string Functions(const std::string& text) {
  return std::regex_replace(text, std::regex("\\+0x[0-9a-f]+"), "");
}

class Stacks : public ::testing::TestWithParam<const char*> {};

TEST_P(Stacks, OfABusyThreadHaveTheProcessorsFunctionsAndNoneOfTheHosts) {
  const TestRing ring(RingSize(8));
  const auto processor = Open();
  {
    const ThreadPool pool(*processor, *ring.ring, 0, 2);
    EXPECT_EQ("", Describe(ring));
    const std::string how = GetParam();
    ASSERT_GE(ring.Submit(how), 0);
    eas_front_wake(ring, 1);
    const std::string text = DescribeUntil(ring, how == "spin" ? "Spin" : "Wait");
    EXPECT_EQ(0u, text.find("worker-thread-")) << text;
    EXPECT_NE(std::string::npos, text.find("  at process (" + kPath)) << text;
    EXPECT_EQ(std::string::npos, text.find("eas::")) << text;
    Call("release");
    EXPECT_EQ(200, ring.Finish().status);
    EXPECT_EQ("", Describe(ring));
    Stop(*ring.ring);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, Stacks, ::testing::Values("spin", "wait"));

TEST(LoadingStack, HasInitialize) {
  const TestRing ring(RingSize(8));
  const auto processor = Open();
  std::thread loading([&] {
    int state = -1;
    std::string error;
    EXPECT_TRUE(Initialize(*processor, "", "spin", &state, &error)) << error;
  });
  const std::string text = DescribeUntil(ring, "Spin");
  EXPECT_EQ(0u, text.find("main thread:\n")) << text;
  EXPECT_NE(std::string::npos, text.find("  at initialize (" + kPath)) << text;
  const std::string cut = Describe(ring, text.size());  // one byte too few
  EXPECT_EQ(Functions(text.substr(0, text.rfind('\n', text.size() - 2) + 1)), Functions(cut));
  Call("release");
  loading.join();
  EXPECT_EQ("", Describe(ring));
}

TEST(StackSignal, OfTheProcessorIsLeftAlone) {
  const int number = SIGRTMAX - 5;
  struct sigaction own{};
  own.sa_handler = [](int) {};
  sigaction(number, &own, nullptr);
  const TestRing ring(RingSize(8));
  EXPECT_EQ("", Describe(ring));
  struct sigaction after{};
  sigaction(number, nullptr, &after);
  EXPECT_EQ(own.sa_handler, after.sa_handler);
  own.sa_handler = SIG_DFL;
  sigaction(number, &own, nullptr);
}

}  // namespace
}  // namespace eas
