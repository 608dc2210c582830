#include "ring.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <new>

#include "busy_poll.h"
#include "front.h"
#include "parked_calls.h"

eas_ring::~eas_ring() {
  if (base != nullptr) munmap(base, layout.bytes);
  if (memfd >= 0) close(memfd);
  if (completion_fd >= 0) close(completion_fd);
}

namespace eas {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;  // nanoseconds

// While no more requests wait, another thread is woken even if one is on its way: that one may wait for its
// core, and the other find a free one. Measured: 7 % more requests/s with 8 connections. With 32, where more
// wait, it changes nothing, but for five times the wake-ups.
constexpr uint64_t kFewWaiting = 8;

int Fail(int fd, const std::string& what, std::string* error) {
  *error = ErrnoText(what);
  if (fd >= 0) close(fd);
  return -1;
}

bool ReadHeader(int memfd, Layout* layout, std::string* error) {
  Header header{};
  struct stat info;
  if (fstat(memfd, &info) != 0 || pread(memfd, &header, sizeof(header), 0) != ssize_t{sizeof(header)}) {
    *error = ErrnoText("the ring cannot be read");
    return false;
  }
  if (header.magic != kMagic || header.version != kVersion) {
    *error = "the descriptor is not a ring of this version";
    return false;
  }
  if (!PlanLayout(header.ring_size, layout, error)) return false;
  if (static_cast<uint64_t>(info.st_size) == layout->bytes) return true;
  *error = "the ring has " + std::to_string(info.st_size) + " bytes and should have " +
           std::to_string(layout->bytes);
  return false;
}

}  // namespace

std::string ErrnoText(const std::string& what) { return what + ": " + std::strerror(errno); }

int CreateRing(const eas_ring_size& ring_size, std::string* error) {
  Layout layout;
  if (!PlanLayout(ring_size, &layout, error)) return -1;
  const int fd = memfd_create("eas-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Fail(fd, "the memory of the ring cannot be made (memfd_create)", error);
  if (ftruncate(fd, static_cast<off_t>(layout.bytes)) != 0) {
    return Fail(fd, "the ring of " + std::to_string(layout.bytes) + " bytes cannot be made", error);
  }
  // Without the seal a worker could shorten the file, and the front would die of SIGBUS.
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Fail(fd, "the ring cannot be sealed", error);
  }
  Header header{};  // all words of a new memfd are 0: every slot is FREE, and the queue is empty
  header.magic = kMagic;
  header.version = kVersion;
  header.ring_size = ring_size;
  if (pwrite(fd, &header, sizeof(header), 0) != ssize_t{sizeof(header)}) {
    return Fail(fd, "the ring cannot be written", error);
  }
  return fd;
}

Ring* MapRing(int memfd, int completion_fd, std::string* error) {
  auto ring = std::make_unique<Ring>();
  if (!ReadHeader(memfd, &ring->layout, error)) return nullptr;
  const Layout& layout = ring->layout;

  ring->memfd = fcntl(memfd, F_DUPFD_CLOEXEC, 3);
  ring->completion_fd = fcntl(completion_fd, F_DUPFD_CLOEXEC, 3);
  if (ring->memfd < 0 || ring->completion_fd < 0) {
    *error = ErrnoText("a descriptor of the ring cannot be duplicated");
    return nullptr;
  }
  void* base =
      mmap(nullptr, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ring->memfd, 0);
  if (base == MAP_FAILED) {
    *error = ErrnoText("the ring of " + std::to_string(layout.bytes) + " bytes cannot be mapped");
    return nullptr;
  }
  ring->base = static_cast<char*>(base);
  // A core file of a processor shall hold the processor's memory, and not tens of sparse gigabytes with the
  // requests of all clients.
  madvise(ring->base + layout.data_at, layout.bytes - layout.data_at, MADV_DONTDUMP);

  ring->header = reinterpret_cast<Header*>(ring->base);
  ring->workers = reinterpret_cast<WorkerRecord*>(ring->base + layout.workers_at);
  ring->controls = reinterpret_cast<SlotControl*>(ring->base + layout.controls_at);
  ring->bitmap = reinterpret_cast<std::atomic<uint64_t>*>(ring->base + layout.bitmap_at);
  ring->entries = reinterpret_cast<std::atomic<uint32_t>*>(ring->base + layout.entries_at);
  ring->request_poll = std::make_unique<BusyPoll>();
  ring->parked = std::make_unique<ParkedCalls>();
  ring->front = std::make_unique<Front>(*ring);
  return ring.release();
}

bool WakeSleepers(Ring& ring, int threads, uint32_t sleepers) {
  // Release: whoever sees the new value sees what was published before it. The kernel orders this store
  // before its own search for waiters.
  ring.header->wake_count.fetch_add(1, std::memory_order_release);
  // Not FUTEX_PRIVATE: the sleepers are in other processes.
  const long woken = syscall(SYS_futex, reinterpret_cast<uint32_t*>(&ring.header->wake_count),
                             FUTEX_WAKE_BITSET, threads, nullptr, nullptr, sleepers);
  ring.header->wake_ups.fetch_add(1, std::memory_order_relaxed);
  return woken > 0;
}

void TellEvent(Ring& ring, uint32_t worker) {
  std::atomic<uint32_t>& events = ring.workers[worker].events;
  events.fetch_add(1, std::memory_order_seq_cst);
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&events), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// Sequentially consistent: the caller has stored the tail before. So either it sees that the thread which was
// woken last has begun to look, or that thread sees the tail.
void WakeOne(Ring& ring, uint64_t waiting) {
  std::atomic<uint32_t>& waking = ring.header->waking;
  if (waiting > kFewWaiting && waking.load(std::memory_order_seq_cst) != 0) return;
  waking.store(1, std::memory_order_seq_cst);  // before the thread can clear it
  if (!WakeSleepers(ring, 1, kQueueSleepers)) waking.store(0, std::memory_order_seq_cst);
}

uint32_t CountComplete(const Ring& ring) {
  uint32_t complete = 0;
  for (uint64_t word = 0; word < ring.layout.bitmap_words; ++word) {
    complete += __builtin_popcountll(ring.bitmap[word].load(std::memory_order_seq_cst));
  }
  return complete;
}

uint64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

int WaitForWake(Ring& ring, uint32_t seen, uint32_t sleepers, uint64_t deadline) {
  const timespec until{static_cast<time_t>(deadline / kSecond), static_cast<long>(deadline % kSecond)};
  // FUTEX_WAIT_BITSET takes an absolute time, so sleeping again after EAGAIN does not prolong the wait.
  const long woken =
      syscall(SYS_futex, reinterpret_cast<uint32_t*>(&ring.header->wake_count), FUTEX_WAIT_BITSET, seen,
              deadline == kNever ? nullptr : &until, nullptr, sleepers);
  const int reason = woken < 0 ? errno : 0;
  // Sequentially consistent: see WakeOne. If it was another thread that was woken, one more than need be will
  // be.
  ring.header->waking.store(0, std::memory_order_seq_cst);
  return reason == ETIMEDOUT || reason == EINTR ? reason : 0;
}

}  // namespace eas
