// A private view of a slot's input, for bodies too large to be copied before the call.
#ifndef EAS_NATIVE_PRIVATE_VIEW_H_
#define EAS_NATIVE_PRIVATE_VIEW_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "ring.h"

namespace eas {

// Up to this size a body is copied before the call; a larger one is mapped copy-on-write during the call.
// Measured with a reader that touches each cache line, while another thread keeps the other core busy
// (unmapping must interrupt it): 64 KiB 1.8 us copied, 25 us mapped; 256 KiB 7 and 27; 1 MiB 38 and 60; 8 MiB
// 970 and 800.
inline constexpr uint64_t kCopyLimit = 1 << 20;

// The processor may write into it, and a second run after a crash still finds the bytes that the client sent.
// Each page that is written costs a copy of it, the others cost nothing.
class PrivateView {
 public:
  PrivateView(const Ring& ring, uint32_t slot, uint64_t size) : size_(size + 1) {
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, ring.memfd,
                      static_cast<off_t>(ring.layout.InputAt(slot)));
    if (base != MAP_FAILED) base_ = base;
  }
  PrivateView(const PrivateView&) = delete;
  PrivateView& operator=(const PrivateView&) = delete;
  ~PrivateView() {
    if (base_ != nullptr) munmap(base_, size_);
  }
  const void* base() const { return base_; }
  size_t size() const { return size_; }

 private:
  void* base_ = nullptr;
  size_t size_;
};

}  // namespace eas

#endif  // EAS_NATIVE_PRIVATE_VIEW_H_
