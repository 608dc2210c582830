// Notes in a file which steps the instrumented code takes, for a fuzzer that looks for streams of bytes that
// take new ones (tests/support/plane_fuzzer.py).
//
// A step is a pair of places, one after the other on one thread. Its byte in the file becomes 1.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::size_t kSteps = 1 << 16;  // many times the steps there are, so that few of them share a byte

unsigned char nowhere[kSteps];
unsigned char* seen = nowhere;
thread_local std::uintptr_t previous = 0;

[[gnu::constructor]] void Open() {
  const char* path = std::getenv("EAS_FUZZ_COVERAGE");
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(nullptr, kSteps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) seen = static_cast<unsigned char*>(mapped);
  close(fd);
}

}  // namespace

extern "C" [[gnu::visibility("default")]] void __sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  seen[(place * 0x9E3779B97F4A7C15U ^ previous * 0xC2B2AE3D27D4EB4FU) >> 48] = 1;
  previous = place;
}
