// The records of libeas-memory-check.so, without its malloc.
#include "../memory_check/records.h"

#include <sys/mman.h>

#include <map>
#include <random>
#include <thread>

#include "testing.h"

namespace eas_memory_check {
namespace {

void* At(uintptr_t address) { return reinterpret_cast<void*>(address); }

constexpr uintptr_t kBase = 0x10'0000'0000;  // no real block is there: nothing reads one

TEST(Records, ABlockIsFoundByEachOfItsBytes) {
  Allocated(At(kBase), 100, At(1));
  for (const uintptr_t offset : {0, 1, 99}) {
    const eas_block found = Find(kBase + offset);
    EXPECT_EQ(EAS_BLOCK_IN_USE, found.state);
    EXPECT_EQ(kBase, found.start);
    EXPECT_EQ(100u, found.size);
  }
  EXPECT_EQ(EAS_BLOCK_NONE, Find(kBase + 100).state);
  EXPECT_EQ(EAS_BLOCK_NONE, Find(kBase - 1).state);
  size_t size = 0;
  EXPECT_TRUE(Freed(At(kBase), At(2), &size));
  EXPECT_EQ(100u, size);
}

TEST(Records, AFreedBlockIsRememberedWithItsPlace) {
  Allocated(At(kBase), 100, At(1));
  EXPECT_TRUE(Freed(At(kBase), At(2)));
  EXPECT_FALSE(Freed(At(kBase), At(3)));
  const eas_block found = Find(kBase + 50);
  EXPECT_EQ(EAS_BLOCK_FREED, found.state);
  EXPECT_EQ(2u, found.caller);
  Allocated(At(kBase), 60, At(4));  // the allocator gives it again
  EXPECT_EQ(EAS_BLOCK_IN_USE, Find(kBase + 50).state);
  EXPECT_TRUE(Freed(At(kBase), At(5)));
}

// The system may give its place to any other mapping.
TEST(Records, AFreedMappingIsNoMoreWhereSomethingElseIsMapped) {
  constexpr size_t kSize = 3 << 12;
  void* const page = mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(MAP_FAILED, page);
  const auto inside = reinterpret_cast<uintptr_t>(page) + kSize / 2;
  Allocated(page, kSize, At(1), true);
  EXPECT_EQ(EAS_BLOCK_IN_USE, Find(inside).state);
  EXPECT_TRUE(Freed(page, At(2)));
  EXPECT_EQ(EAS_BLOCK_NONE, Find(inside).state);
  ASSERT_EQ(0, munmap(page, kSize));
  EXPECT_EQ(EAS_BLOCK_FREED, Find(inside).state);
}

TEST(Records, ABlockWithoutBytesIsABlock) {
  Allocated(At(kBase), 0, At(1));
  EXPECT_EQ(EAS_BLOCK_IN_USE, Find(kBase).state);
  EXPECT_TRUE(Freed(At(kBase), At(2)));
}

// Compares with a map, while the tables grow and places become empty between others.
void Compare(uintptr_t base, unsigned seed) {
  std::mt19937 random(seed);
  std::map<uintptr_t, size_t> expected;
  for (int i = 0; i < 200'000; ++i) {
    const uintptr_t start = base + 16 * (random() % 50'000);
    const auto known = expected.find(start);
    size_t size = 0;
    ASSERT_EQ(known != expected.end(), Freed(At(start), At(1), &size));
    if (known != expected.end()) {
      ASSERT_EQ(known->second, size);
      expected.erase(known);
    } else {
      expected[start] = 1 + random() % 16;
      Allocated(At(start), expected[start], At(1));
    }
  }
  for (const auto& [start, size] : expected) {
    ASSERT_EQ(EAS_BLOCK_IN_USE, Find(start).state);
    ASSERT_TRUE(Freed(At(start), At(1)));
  }
}

TEST(Records, AreRightWithThreadsAndManyBlocks) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; ++i) threads.emplace_back(&Compare, kBase + (uintptr_t{i} << 32), i);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace eas_memory_check
