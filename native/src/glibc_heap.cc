#include "glibc_heap.h"

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "layout.h"
#include "memory_map.h"

namespace eas {
namespace {

constexpr uintptr_t kHeader = 16;  // bytes before a block: the size of the chunk before, and its own
constexpr uint64_t kSmallestChunk = 32;
constexpr uint64_t kLargestChunk = 1ULL << 47;  // no process has as many addresses

// The flags in a chunk's size.
constexpr uint64_t kPreviousInUse = 1;
constexpr uint64_t kMappedAlone = 2;
constexpr uint64_t kOtherArena = 4;
constexpr uint64_t kFlags = 7;

// An arena other than the main one has heaps that begin at multiples of this, each with a record of itself.
constexpr uintptr_t kArenaSpan = 64 << 20;
constexpr size_t kArenaRecord = 4;  // words: its arena, the heap before it, its size, and how much is mapped

// More than a tcache holds of one size (7, in glibc 2.42 and later 16), and larger than what it holds unless
// it is tuned.
constexpr int kCacheDepth = 32;
constexpr size_t kCacheBlock = 64 << 10;

constexpr size_t kProbes = 16;  // more than there are

// Calls that the compiler does not see through: it knows what malloc and free are for, and would remove them.
void* (*volatile allocate)(size_t) = &std::malloc;
void (*volatile release)(void*) = &std::free;

uint64_t SecondWord(void* volatile block) { return static_cast<volatile uint64_t*>(block)[1]; }

// Whether free() is a function of the C library itself, and the C library is glibc.
bool FreeIsGlibcs() {
  void* const version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  Dl_info libc{};
  Dl_info freeing{};
  return version != nullptr && dladdr(version, &libc) != 0 &&
         dladdr(dlsym(RTLD_DEFAULT, "free"), &freeing) != 0 && libc.dli_fbase == freeing.dli_fbase;
}

}  // namespace

GlibcHeap::GlibcHeap() {
  if (sizeof(void*) != 8 || !FreeIsGlibcs()) return;
  probes_.reserve(kProbes);
  main_begin_ = FindMapping("[heap]").begin;
  known_ = true;
  known_ = BehavesAsKnown();
  if (known_) key_ = LearnKey();
}

GlibcHeap::~GlibcHeap() {
  for (void* probe : probes_) release(probe);
}

// Tries out what Look relies on. The largest size is one that malloc maps alone.
bool GlibcHeap::BehavesAsKnown() {
  for (const size_t size : {1, 24, 25, 100, 1000, 5000, 132 << 10}) {
    void* const block = allocate(size);
    if (block == nullptr || reinterpret_cast<uintptr_t>(block) >> 56 != 0) return false;  // a tagged pointer
    const BlockView view = Look(block);
    const size_t usable = malloc_usable_size(block);
    probes_.push_back(block);
    if (view.state != BlockState::kInUse || view.size != usable) return false;
  }
  return true;
}

// What free() writes into the second word of a block that it puts into the cache, and malloc() removes.
uint64_t GlibcHeap::LearnKey() {
  uint64_t key = 0;
  for (const size_t size : {24, 56}) {
    void* const block = allocate(size);
    release(block);
    const uint64_t seen = SecondWord(block);
    void* const again = allocate(size);
    const bool removed = again == block && SecondWord(again) == 0;
    probes_.push_back(again);
    if (!removed || seen == 0 || (key != 0 && seen != key)) return 0;
    key = seen;
  }
  return key;
}

// Whether the block is in this thread's cache: then malloc returns it, sooner or later.
bool GlibcHeap::WasCached(const void* pointer, size_t size) {
  void* taken[kCacheDepth];
  int count = 0;
  bool found = false;
  if (size > kCacheBlock) return false;
  while (count < kCacheDepth && !found) {
    taken[count] = allocate(size);
    if (taken[count] == nullptr) break;
    found = taken[count++] == pointer;
  }
  while (count > 0) release(taken[--count]);
  return found;
}

// The part of the heap that `at` lies in, if that was seen before.
GlibcHeap::Range GlibcHeap::HeapAround(uintptr_t at) const {
  const Range& arena = arenas_[at / kArenaSpan % kArenas];
  if (arena.Has(at, 1)) return arena;
  const Range main{main_begin_, reinterpret_cast<uintptr_t>(sbrk(0))};
  return main_begin_ != 0 && main.Has(at, 1) ? main : Range{};
}

// The heap of an arena other than the main one that `at` lies in, as far as it is in use.
GlibcHeap::Range GlibcHeap::FindArena(uintptr_t at) {
  const uintptr_t begin = at / kArenaSpan * kArenaSpan;
  uint64_t record[kArenaRecord];
  if (begin == 0 || ReadMemory(begin, record, sizeof(record)) != Readable::kYes) return {};
  const uint64_t size = record[2];
  if (size > record[3] || size > kArenaSpan || size % PageSize() != 0 || at - begin >= size) return {};
  return arenas_[begin / kArenaSpan % kArenas] = {begin, begin + size};
}

// False if the words cannot be read; if that cannot be told, nothing is known from now on.
bool GlibcHeap::Read(const Range& heap, uintptr_t at, uint64_t words[2]) {
  if (heap.Has(at, 2 * sizeof(uint64_t))) {
    words[0] = reinterpret_cast<const volatile uint64_t*>(at)[0];
    words[1] = reinterpret_cast<const volatile uint64_t*>(at)[1];
    return true;
  }
  const Readable readable = ReadMemory(at, words, 2 * sizeof(uint64_t));
  if (readable == Readable::kCannotTell) known_ = false;
  return readable == Readable::kYes;
}

// A block that is mapped alone: from a page to a page, and of no arena.
BlockView GlibcHeap::LookAtMapped(uintptr_t chunk, const uint64_t header[2]) const {
  const uint64_t page = PageSize();
  const uint64_t before = header[0];
  const uint64_t size = header[1] & ~kFlags;
  const bool whole = before < chunk && (chunk - before) % page == 0 && (before + size) % page == 0;
  if (!whole || (header[1] & kOtherArena) != 0 || size < kSmallestChunk || size > kLargestChunk)
    return {BlockState::kNoBlock};
  return {BlockState::kInUse, size - kHeader};
}

BlockView GlibcHeap::Look(const void* pointer) {
  const auto at = reinterpret_cast<uintptr_t>(pointer);
  const BlockView none{BlockState::kNoBlock};
  if (!known_) return {};
  if (at % 16 != 0 || at < kHeader) return none;
  const uintptr_t chunk = at - kHeader;
  Range heap = HeapAround(chunk);
  uint64_t header[2];
  if (!Read(heap, chunk, header)) return known_ ? none : BlockView{};
  if ((header[1] & kMappedAlone) != 0) return LookAtMapped(chunk, header);
  const uint64_t size = header[1] & ~kFlags;
  if (size < kSmallestChunk || size % 16 != 0 || size > kLargestChunk) return none;
  if ((header[1] & kOtherArena) != 0 && !heap.Has(chunk, size + kHeader)) heap = FindArena(chunk);
  uint64_t next[2];
  if (!Read(heap, chunk + size, next)) return known_ ? none : BlockView{};
  if ((next[1] & kPreviousInUse) == 0) return next[0] == size ? BlockView{BlockState::kFreed} : none;
  uint64_t words[2];
  if (key_ != 0 && Read(heap, at, words) && words[1] == key_ && WasCached(pointer, size - sizeof(uint64_t)))
    return {BlockState::kFreed};
  return {BlockState::kInUse, size - sizeof(uint64_t), heap.Has(chunk, size)};
}

}  // namespace eas
