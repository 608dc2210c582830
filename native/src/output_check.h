// Looks at the pointer that a processor has put into *output_data before it is read and freed: to free what
// is no block of malloc's ends the process, and then the trace shows only the C library.
//
// Strategy: the heap is asked, in the best way there is: the records of libeas-memory-check.so, which are
// exact; else glibc's own headers (glibc_heap.h), which say little about pointers into a block; else, with
// another allocator, only how large the block is. What holds with any allocator comes before: the pointer is
// neither the host's own input, nor the model, nor on this thread's stack, nor inside a library; of these
// only the first two can be a block in a known part of glibc's heap, which is the usual case. A right pointer
// is never refused. What is wrong is worked out only once a pointer is refused, and may take its time.
//
// Measured: a check takes 20 ns.
#ifndef EAS_NATIVE_OUTPUT_CHECK_H_
#define EAS_NATIVE_OUTPUT_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "block_records.h"
#include "glibc_heap.h"
#include "memory_map.h"

namespace eas {

// What a processor returned, and what it was given.
struct Output {
  const void* data;
  size_t size;
  const void* input;
  size_t input_size;
};

// Not thread safe: each thread has its own object, which it has made itself, after the processor was loaded.
class OutputCheck {
 public:
  // `model` is what initialize returned.
  explicit OutputCheck(const void* model);

  // Whether the host may read and free output.data, which is not null. If not, *problem says what it is and
  // what to return instead; its first line is for the client, further ones are frames.
  bool Check(const Output& output, std::string* problem);

 private:
  bool InModules(uintptr_t at) const;
  bool CheckHeap(uintptr_t at, size_t size, BlockView view, std::string* problem) const;
  bool CheckRecord(uintptr_t at, size_t size, std::string* problem) const;

  const uintptr_t model_;
  const AddressRange stack_;
  const std::vector<AddressRange> modules_;  // those that were loaded when this object was made
  void (*const find_block_)(uintptr_t, eas_block*);
  size_t (*const usable_size_)(void*);  // of the allocator that free() belongs to; null if it has none
  GlibcHeap heap_;
};

}  // namespace eas

#endif  // EAS_NATIVE_OUTPUT_CHECK_H_
