// libeas-memory-check.so: stands before the functions of malloc and keeps records of their blocks.
//
// Strategy: the library is preloaded (LD_PRELOAD), so its functions come first in the process; each calls the
// function of the same name that comes next, of glibc or of another allocator. A block is recorded after it
// is there, and its record is removed before it is gone: in between no other thread can have it.
//
// operator new is not here, as it calls malloc. Allocators such as jemalloc and tcmalloc have one of their
// own that does not; its blocks are unknown (EAS_BLOCK_UNKNOWN).
//
// dlsym may allocate memory itself, before the next functions are known: it gets that from a small store.
#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "records.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

namespace {

using eas_memory_check::Freed;

// What dlsym gets while the next functions are looked up. It is never given back.
alignas(16) char early_store[16 << 10];
std::atomic<size_t> early_used{0};

void* AllocateEarly(size_t size) {
  const size_t at = early_used.fetch_add((size + 15) / 16 * 16);
  return at + size <= sizeof(early_store) ? early_store + at : nullptr;
}

bool IsEarly(const void* block) {
  const auto* at = static_cast<const char*>(block);
  return at >= early_store && at < early_store + sizeof(early_store);
}

struct Next {
  decltype(&::malloc) malloc;
  decltype(&::free) free;
  decltype(&::calloc) calloc;
  decltype(&::realloc) realloc;
  decltype(&::memalign) memalign;
  decltype(&::aligned_alloc) aligned_alloc;
  decltype(&::posix_memalign) posix_memalign;
  decltype(&::valloc) valloc;
  decltype(&::pvalloc) pvalloc;
  decltype(&::malloc_usable_size) malloc_usable_size;
};

Next next;
bool next_is_glibc = false;
std::atomic<bool> ready{false};

template <typename Function>
void Find(Function* function, const char* name) {
  *function = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// Runs at the first call, which is on the first thread, before main.
void FindNext() {
  static thread_local bool searching __attribute__((tls_model("initial-exec")));
  if (searching) return;
  searching = true;
  Find(&next.calloc, "calloc");
  Find(&next.free, "free");
  Find(&next.realloc, "realloc");
  Find(&next.memalign, "memalign");
  Find(&next.aligned_alloc, "aligned_alloc");
  Find(&next.posix_memalign, "posix_memalign");
  Find(&next.valloc, "valloc");
  Find(&next.pvalloc, "pvalloc");
  Find(&next.malloc_usable_size, "malloc_usable_size");
  Find(&next.malloc, "malloc");
  Dl_info its{};
  Dl_info c_library{};
  next_is_glibc = dladdr(reinterpret_cast<void*>(next.malloc), &its) != 0 &&
                  dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &c_library) != 0 &&
                  its.dli_fbase == c_library.dli_fbase;
  searching = false;
  ready.store(true, std::memory_order_release);
}

bool Ready() {
  if (!ready.load(std::memory_order_acquire)) FindNext();
  return ready.load(std::memory_order_acquire);
}

__attribute__((constructor)) void Start() {
  Ready();
  pthread_atfork(&eas_memory_check::LockAll, &eas_memory_check::UnlockAll, &eas_memory_check::UnlockAll);
}

// glibc keeps a word before each block: its size, and in the low bits whether it is a mapping of its own.
bool IsMapping(const void* block) {
  constexpr size_t kIsMapping = 2;
  auto* word = static_cast<const size_t*>(block);
  __asm__("" : "+r"(word));  // the compiler takes what malloc returns for all that there is
  return next_is_glibc && block != nullptr && (word[-1] & kIsMapping) != 0;
}

void* Recorded(void* block, size_t size, void* caller) {
  eas_memory_check::Allocated(block, size, caller, IsMapping(block));
  return block;
}

void* Reallocate(void* block, size_t size, void* caller) {
  if (!Ready() || IsEarly(block)) {
    void* const fresh = Ready() ? next.malloc(size) : AllocateEarly(size);
    if (fresh == nullptr || block == nullptr) return Recorded(fresh, size, caller);
    const size_t behind = static_cast<size_t>(early_store + sizeof(early_store) - static_cast<char*>(block));
    std::memcpy(fresh, block, size < behind ? size : behind);
    return IsEarly(fresh) ? fresh : Recorded(fresh, size, caller);
  }
  size_t before = 0;
  const bool known = Freed(block, caller, &before);
  void* const fresh = next.realloc(block, size);
  if (fresh == nullptr && known && size > 0)
    Recorded(block, before, caller);  // it failed: the block is as it was
  return Recorded(fresh, size, caller);
}

// Whether the allocator has an operator new of its own.
bool HasOperatorNew() {
  void* const operator_new = dlsym(RTLD_DEFAULT, "_Znwm");
  Dl_info its{};
  Dl_info allocator{};
  return operator_new != nullptr && dladdr(operator_new, &its) != 0 &&
         dladdr(reinterpret_cast<void*>(next.malloc), &allocator) != 0 &&
         its.dli_fbase == allocator.dli_fbase;
}

}  // namespace

EXPORTED void eas_block_find(uintptr_t address, eas_block* block) {
  *block = eas_memory_check::Find(address);
  if (block->state != EAS_BLOCK_IN_USE && HasOperatorNew()) block->state = EAS_BLOCK_UNKNOWN;
}

EXPORTED void* malloc(size_t size) {
  return Ready() ? Recorded(next.malloc(size), size, CALLER) : AllocateEarly(size);
}

EXPORTED void free(void* block) {
  if (block == nullptr || IsEarly(block) || !Ready()) return;
  const int error = errno;  // free keeps it
  Freed(block, CALLER);
  errno = error;
  next.free(block);
}

EXPORTED void* calloc(size_t count, size_t size) {
  if (!Ready()) return AllocateEarly(count * size);  // it is all 0
  return Recorded(next.calloc(count, size), count * size, CALLER);
}

EXPORTED void* realloc(void* block, size_t size) { return Reallocate(block, size, CALLER); }

EXPORTED void* reallocarray(void* block, size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return Reallocate(block, bytes, CALLER);
}

EXPORTED void* memalign(size_t alignment, size_t size) {
  return Ready() ? Recorded(next.memalign(alignment, size), size, CALLER) : nullptr;
}

EXPORTED void* aligned_alloc(size_t alignment, size_t size) {
  return Ready() ? Recorded(next.aligned_alloc(alignment, size), size, CALLER) : nullptr;
}

EXPORTED int posix_memalign(void** block, size_t alignment, size_t size) {
  if (!Ready()) return ENOMEM;
  const int error = next.posix_memalign(block, alignment, size);
  if (error == 0) Recorded(*block, size, CALLER);
  return error;
}

EXPORTED void* valloc(size_t size) { return Ready() ? Recorded(next.valloc(size), size, CALLER) : nullptr; }

EXPORTED void* pvalloc(size_t size) { return Ready() ? Recorded(next.pvalloc(size), size, CALLER) : nullptr; }

EXPORTED size_t malloc_usable_size(void* block) { return Ready() ? next.malloc_usable_size(block) : 0; }
