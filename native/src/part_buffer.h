// The buffer of an answer in parts, in the output span of its slot. Part of parts.h.
//
// `written` is the slot's output_size, which only the worker writes; `read` lies behind the bytes, and only
// the front writes it. Each is a count of all bytes so far. Either side keeps or checks what it relies on: a
// processor that overwrites these words spoils its own answer. When it has failed, its explanation takes the
// place of the bytes and leaves these words alone, which the front may be about to write.
#ifndef EAS_NATIVE_PART_BUFFER_H_
#define EAS_NATIVE_PART_BUFFER_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "parts.h"
#include "ring.h"

namespace eas {

// Who is to be told when the front has read.
enum class PartWaiter : uint32_t { kNone = 0, kEvent = 1, kParked = 2 };

class PartBuffer {
 public:
  PartBuffer(const Ring& ring, uint32_t slot)
      : control_(ring.controls[slot]),
        bytes_(ring.Output(slot)),
        capacity_(std::min(ring.layout.output_span - kCacheLine, kMaxBuffer)),
        words_(*reinterpret_cast<Words*>(bytes_ + capacity_)) {}

  uint64_t capacity() const { return capacity_; }

  // Acquire: whoever sees the count sees the bytes.
  uint64_t Written() const { return control_.output_size.load(std::memory_order_acquire); }
  uint64_t ReadByFront() const { return words_.read.load(std::memory_order_seq_cst); }
  std::atomic<uint32_t>& waiter() { return words_.waiter; }

  // How many bytes may be written.
  uint64_t Room() const {
    const uint64_t used = Written() - ReadByFront();
    return used > capacity_ ? 0 : capacity_ - used;
  }

  // Whether a call that goes on would not stop at once.
  bool HasMuchRoom() const { return Room() >= capacity_ / 2; }

  // The worker's first step.
  void Begin() {
    words_.read.store(0, std::memory_order_relaxed);
    words_.waiter.store(0, std::memory_order_relaxed);
    control_.output_size.store(0, std::memory_order_relaxed);
  }

  // REQUIRES: size <= Room().
  void Write(const char* data, uint64_t size) {
    const uint64_t written = Written();
    const uint64_t at = written % capacity_;
    const uint64_t first = std::min(size, capacity_ - at);
    if (first > 0) std::memcpy(bytes_ + at, data, first);
    if (size > first) std::memcpy(bytes_, data + first, size - first);
    control_.output_size.store(written + size, std::memory_order_release);
  }

  // Copies the bytes from `read` on. REQUIRES: they were written, and no more than the capacity.
  void Copy(uint64_t read, char* out, uint64_t size) const {
    const uint64_t at = read % capacity_;
    const uint64_t first = std::min(size, capacity_ - at);
    std::memcpy(out, bytes_ + at, first);
    std::memcpy(out + first, bytes_, size - first);
  }

  // Sequentially consistent, as the load of the waiter that follows: either the worker sees the room, or the
  // front sees that it waits for it.
  void SetRead(uint64_t read) { words_.read.store(read, std::memory_order_seq_cst); }

 private:
  struct Words {
    std::atomic<uint64_t> read;
    std::atomic<uint32_t> waiter;  // a PartWaiter
  };
  static_assert(sizeof(Words) <= kCacheLine, "the words lie behind the bytes, in a line of their own");

  // What a slow client holds in the ring, and what the front reads at once: enough for a copy to cost more
  // than the call, and little for hundreds of clients.
  static constexpr uint64_t kMaxBuffer = 64 * 1024;

  SlotControl& control_;
  char* const bytes_;
  const uint64_t capacity_;
  Words& words_;
};

}  // namespace eas

#endif  // EAS_NATIVE_PART_BUFFER_H_
