// Verdicts about output pointers, with the allocator of this program: glibc's, or that of a sanitizer. That
// of each kind of pointer in a library is tested where workers run (tests/debugging/test_cpp_outputs.py).
#include "output_check.h"

#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

const char literal[] = "a constant";
char static_buffer[64];

class OutputCheckTest : public ::testing::Test {
 protected:
  // The problem, "" if there is none.
  std::string Problem(const void* data, size_t size = 8) {
    std::string problem;
    EXPECT_EQ(problem.empty(),
              check_.Check({data, size, input_, sizeof(input_) - 1}, &problem) && problem.empty());
    return problem;
  }

  const GlibcHeap heap_;
  char model_[16] = {};
  char input_[64] = {};
  OutputCheck check_{model_};
};

TEST_F(OutputCheckTest, WhatCanBeFreedPasses) {
  for (const size_t size : {0, 1, 24, 25, 1000, 100000, 1 << 20, 1 << 30}) {
    void* const block = std::malloc(size);
    EXPECT_EQ("", Problem(block, size)) << size;
    std::free(block);
  }
  void* aligned = nullptr;
  ASSERT_EQ(0, posix_memalign(&aligned, 4096, 100));
  EXPECT_EQ("", Problem(aligned, 100));
  std::free(aligned);
}

TEST_F(OutputCheckTest, WhatIsKnownWithAnyAllocator) {
  char local[64];
  EXPECT_EQ(0u, Problem(static_buffer).find("*output_data is static data of the program: "))
      << Problem(static_buffer);
  EXPECT_EQ(0u,
            Problem(literal).find("*output_data is a string literal of the program (or another constant)"));
  EXPECT_EQ(0u, Problem(stdin).find("*output_data is static data of libc.so.6: "));
  EXPECT_EQ(0u, Problem(input_).find("*output_data is input_data")) << Problem(input_);
  EXPECT_EQ(0u, Problem(input_ + 63).find("*output_data is input_data"));
  EXPECT_EQ(0u, Problem(model_).find("*output_data is the model"));
  EXPECT_EQ(0u, Problem(reinterpret_cast<void*>(5)).find("*output_data is 0x5, and no memory is there"));
  if (StackOfThisThread().Has(
          reinterpret_cast<uintptr_t>(local))) {  // not with address sanitizer's own stacks
    EXPECT_EQ(0u, Problem(local).find("*output_data is a local variable, on the stack")) << Problem(local);
  }
}

TEST_F(OutputCheckTest, TheSizeOfABlockIsKnown) {
  char* const block = static_cast<char*>(std::calloc(1, 100));
  EXPECT_EQ(0u, Problem(block, 1000).find("output_size is 1000, but the block at *output_data has 1"))
      << Problem(block, 1000);
  std::free(block);
}

// This is known of glibc's heap only, so the Makefile excludes it where a sanitizer has another.
TEST_F(OutputCheckTest, InsideAndFreed) {
  ASSERT_TRUE(heap_.known());
  char* const block = static_cast<char*>(std::calloc(1, 512));
  EXPECT_EQ(0u, Problem(block + 1).find("*output_data is not the start of a block in use"));
  EXPECT_EQ(0u, Problem(block + 64).find("*output_data is not the start of a block in use"));
  std::string* const text = new (block) std::string("short");
  EXPECT_EQ(0u, Problem(&(*text)[0]).find("*output_data is the buffer of a std::string: "));
  std::free(block);
  for (const size_t size : {24, 100, 1000, 50 << 20}) {
    void* volatile freed = std::malloc(size);
    void* const behind = std::malloc(24);  // so that it does not become a part of the top
    std::free(freed);
    EXPECT_NE("", Problem(freed)) << size;
    std::free(behind);
  }
  void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE("", Problem(mapped));
  EXPECT_NE("", Problem(static_cast<char*>(mapped) + 16));
  munmap(mapped, 4096);
}

// Threads that allocate, free, reallocate and pass blocks to each other, in sizes of all kinds.
class Churn {
 public:
  void Run(unsigned seed, int rounds) {
    std::mt19937 random(seed);
    OutputCheck check(nullptr);
    std::vector<void*> held(256, nullptr);
    for (int i = 0; i < rounds; ++i) {
      void*& place = held[random() % held.size()];
      std::free(place);
      const size_t size = random() % (1u << random() % (random() % 100 == 0 ? 22 : 12) | 1);
      place = random() % 8 == 0 ? memalign(16u << random() % 8, size) : std::malloc(size);
      if (random() % 8 == 0) place = std::realloc(place, size + 1);
      Expect(check, place, size);
      if (random() % 4 == 0) place = passed_[random() % kPassed].exchange(place);
      if (place != nullptr) Expect(check, place, 0);
    }
    for (void* block : held) std::free(block);
  }

  ~Churn() {
    for (auto& block : passed_) std::free(block);
  }

 private:
  static constexpr size_t kPassed = 64;

  static void Expect(OutputCheck& check, void* block, size_t size) {
    std::string problem;
    if (!check.Check({block, size, nullptr, 0}, &problem)) ADD_FAILURE() << size << " bytes: " << problem;
  }

  std::atomic<void*> passed_[kPassed] = {};
};

// A million, but for the slow flavors.
TEST(OutputCheckChurn, NoBlockIsRefused) {
  constexpr int kThreads = 5;
  const int rounds = GlibcHeap().known() ? 200'000 : 10'000;
  Churn churn;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(&Churn::Run, &churn, i, rounds);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace eas
