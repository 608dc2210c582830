#include "records.h"

#include <sched.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>

namespace eas_memory_check {
namespace {

constexpr size_t kParts = 64;
constexpr size_t kFirstCapacity = 1024;  // blocks of one part; a power of two
constexpr size_t kRemembered = 1024;     // freed blocks of one part

struct Block {
  uintptr_t start;  // 0: this place is empty
  size_t size : 63;
  size_t mapping : 1;  // it is one of its own
  uintptr_t caller;

  // A block of no bytes has an address, too.
  bool Has(uintptr_t address) const {
    return start != 0 && address - start < (size == 0 ? 1U : size_t{size});
  }
};

// Multiplies by 2^64 / the golden ratio, so that neighbours go far apart (Knuth, section 6.4).
size_t Hash(uintptr_t start) { return (start >> 4) * 0x9E3779B97F4A7C15 >> 20; }

Block* MapBlocks(size_t count) {
  void* const blocks =
      mmap(nullptr, count * sizeof(Block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (blocks == MAP_FAILED) std::abort();  // the process is out of memory
  return static_cast<Block*>(blocks);
}

// One part of the records. All of its bytes are 0 at first, so that it needs no constructor.
class Part {
 public:
  void Lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) sched_yield();
  }
  void Unlock() { locked_.store(false, std::memory_order_release); }

  void Add(const Block& block) {
    if (4 * (count_ + 1) > 3 * capacity_) Grow();
    Block& place = *Place(block.start);
    if (place.start == 0) ++count_;  // else it was freed without our knowing
    place = block;
  }

  bool Remove(uintptr_t start, uintptr_t caller, size_t* size) {
    if (capacity_ == 0) return false;
    Block* const place = Place(start);
    if (place->start == 0) return false;
    if (size != nullptr) *size = place->size;
    freed_[next_freed_++ % kRemembered] = {start, place->size, place->mapping, caller};
    --count_;
    Empty(static_cast<size_t>(place - blocks_));
    return true;
  }

  const Block* InUse(uintptr_t start) const {
    const Block* const place = capacity_ != 0 ? Place(start) : nullptr;
    return place != nullptr && place->start != 0 ? place : nullptr;
  }

  const Block* InUseAround(uintptr_t address) const {
    for (size_t i = 0; i < capacity_; ++i) {
      if (blocks_[i].Has(address)) return &blocks_[i];
    }
    return nullptr;
  }

  // The last one that was freed. `is_mapped`: something is at that address.
  const Block* FreedAround(uintptr_t address, bool is_mapped) const {
    for (size_t back = 1; back <= kRemembered; ++back) {
      const Block& block = freed_[(next_freed_ - back) % kRemembered];
      if (block.Has(address) && !(block.mapping && is_mapped)) return &block;
    }
    return nullptr;
  }

 private:
  // The place of the block, or the empty one where it would be.
  Block* Place(uintptr_t start) const {
    size_t at = Hash(start) & (capacity_ - 1);
    while (blocks_[at].start != 0 && blocks_[at].start != start) at = (at + 1) & (capacity_ - 1);
    return &blocks_[at];
  }

  // Empties the place, and moves those up that were put behind it because it was taken.
  void Empty(size_t hole) {
    const size_t mask = capacity_ - 1;
    for (size_t at = (hole + 1) & mask; blocks_[at].start != 0; at = (at + 1) & mask) {
      const size_t wanted = Hash(blocks_[at].start) & mask;
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      blocks_[hole] = blocks_[at];
      hole = at;
    }
    blocks_[hole] = {};
  }

  void Grow() {
    Block* const old = blocks_;
    const size_t old_capacity = capacity_;
    capacity_ = old_capacity == 0 ? kFirstCapacity : 2 * old_capacity;
    blocks_ = MapBlocks(capacity_);
    for (size_t i = 0; i < old_capacity; ++i) {
      if (old[i].start != 0) *Place(old[i].start) = old[i];
    }
    if (old != nullptr) munmap(old, old_capacity * sizeof(Block));
  }

  alignas(64) std::atomic<bool> locked_;
  Block* blocks_;
  size_t capacity_;
  size_t count_;
  size_t next_freed_;
  Block freed_[kRemembered];
};

Part parts[kParts];

Part& PartOf(uintptr_t start) { return parts[Hash(start) >> 30 & (kParts - 1)]; }

class Guard {
 public:
  explicit Guard(Part& part) : part_(part) { part_.Lock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { part_.Unlock(); }

 private:
  Part& part_;
};

bool IsMapped(uintptr_t address) {
  constexpr uintptr_t kPage = 4096;
  unsigned char resident;
  return mincore(reinterpret_cast<void*>(address / kPage * kPage), 1, &resident) == 0;
}

// The first block, over all parts, that `look` finds.
template <typename Look>
bool FindIn(Look look, int32_t state, eas_block* found) {
  for (Part& part : parts) {
    const Guard guard(part);
    const Block* const block = look(part);
    if (block == nullptr) continue;
    *found = {state, block->start, block->size, block->caller};
    return true;
  }
  return false;
}

}  // namespace

void Allocated(void* start, size_t size, void* caller, bool mapping) {
  const auto address = reinterpret_cast<uintptr_t>(start);
  if (address == 0) return;
  Part& part = PartOf(address);
  const Guard guard(part);
  part.Add({address, size, mapping, reinterpret_cast<uintptr_t>(caller)});
}

bool Freed(void* start, void* caller, size_t* size) {
  const auto address = reinterpret_cast<uintptr_t>(start);
  if (address == 0) return false;
  Part& part = PartOf(address);
  const Guard guard(part);
  return part.Remove(address, reinterpret_cast<uintptr_t>(caller), size);
}

eas_block Find(uintptr_t address) {
  eas_block found{EAS_BLOCK_NONE, 0, 0, 0};
  {
    Part& part = PartOf(address);
    const Guard guard(part);
    const Block* const block = part.InUse(address);
    if (block != nullptr) return {EAS_BLOCK_IN_USE, block->start, block->size, block->caller};
  }
  if (FindIn([address](Part& part) { return part.InUseAround(address); }, EAS_BLOCK_IN_USE, &found))
    return found;
  const bool is_mapped = IsMapped(address);
  FindIn([=](Part& part) { return part.FreedAround(address, is_mapped); }, EAS_BLOCK_FREED, &found);
  return found;
}

void LockAll() {
  for (Part& part : parts) part.Lock();
}

void UnlockAll() {
  for (Part& part : parts) part.Unlock();
}

}  // namespace eas_memory_check
