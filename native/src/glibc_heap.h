// Reads what glibc's malloc has written beside a block: whether a pointer is the start of one, and its size.
//
// Theory: 16 bytes before a block, glibc keeps its header: the size of the chunk with three flags, which it
// reads itself in free(). For the start of a block in use all of this holds: the size is a multiple of 16 and
// at least 32; the header of the next chunk says that this one is in use; and a block that was mapped by
// itself begins and ends at a page. So a pointer that breaks one of these rules is no block. The reverse is
// not certain: inside a block may stand what looks like a header.
//
// A freed block that waits in a thread's cache (tcache) still looks as if it were in use, but has a key in
// its second word. That word may be there by chance, so the cache is asked: malloc never returns a block in
// use.
//
// All of it is glibc's private affair, so each object tries it out before it says anything: with another
// allocator in the process, under valgrind, or in a glibc that does it in another way, it knows nothing.
//
// Reading never faults, as long as memory of the heap is not unmapped at that moment: memory of which nothing
// is known is read by a system call. That is rare, as most blocks are in a part of the heap that was seen
// before.
#ifndef EAS_NATIVE_GLIBC_HEAP_H_
#define EAS_NATIVE_GLIBC_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eas {

enum class BlockState { kUnknown, kInUse, kFreed, kNoBlock };

struct BlockView {
  BlockState state = BlockState::kUnknown;
  size_t size = 0;       // bytes that its owner may use, if it is in use
  bool in_heap = false;  // it lies where nothing but malloc's heap is
};

// Not thread safe: each thread has its own object, which it has made itself.
class GlibcHeap {
 public:
  GlibcHeap();
  GlibcHeap(const GlibcHeap&) = delete;
  GlibcHeap& operator=(const GlibcHeap&) = delete;
  ~GlibcHeap();

  // Whether the process's malloc is glibc's and works as described above. If not, every block is kUnknown.
  bool known() const { return known_; }

  // Whether malloc could have returned `pointer`.
  BlockView Look(const void* pointer);

 private:
  // A range of addresses that is mapped and belongs to the heap.
  struct Range {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    bool Has(uintptr_t at, size_t size) const { return at >= begin && at < end && size <= end - at; }
  };
  static constexpr size_t kArenas = 4;

  bool BehavesAsKnown();
  uint64_t LearnKey();
  bool WasCached(const void* pointer, size_t size);
  Range HeapAround(uintptr_t at) const;
  Range FindArena(uintptr_t at);
  bool Read(const Range& heap, uintptr_t at, uint64_t words[2]);
  BlockView LookAtMapped(uintptr_t chunk, const uint64_t header[2]) const;

  // What malloc was tried out with. If it were freed, it would lie in this thread's cache, and change what a
  // processor finds in memory that it has freed itself.
  std::vector<void*> probes_;
  bool known_ = false;
  uint64_t key_ = 0;          // of blocks in a tcache; 0 if it was not found out
  uintptr_t main_begin_ = 0;  // of the main heap, which ends at sbrk(0)
  Range arenas_[kArenas];  // the heaps of other arenas that were seen last, each at the index of its address
};

}  // namespace eas

#endif  // EAS_NATIVE_GLIBC_HEAP_H_
