// What the crash handler says of a fault: its kind, the last words of the C library and of exceptions, and
// frames even where the stack cannot be walked.
#include "fault.h"

#include <dlfcn.h>

#include <stdexcept>

#include "last_words.h"
#include "testing.h"

#define WITH_FRAME __attribute__((noinline, optimize("no-omit-frame-pointer")))

namespace eas {
namespace {

using testing::Child;
using testing::RingSize;
using testing::TestRing;

// The crash record of a process that dies of `death`.
eas_crash RecordOf(void (*death)()) {
  const TestRing ring(RingSize(8, 2, 3));
  Child worker([&] {
    close(STDERR_FILENO);  // the messages of abort and terminate would clutter the output of the test
    eas_crash_install(ring, 1, EAS_SIGNALS_ALL);
    eas_worker_enter(ring, 1, 0);
    FindRuntime(dlopen(nullptr, RTLD_NOW));
    death();
  });
  eas_crash crash{};
  const int status = worker.Wait();
  EXPECT_EQ(1, eas_front_crash(ring, 1, &crash));
  EXPECT_EQ(crash.signal, WTERMSIG(status)) << "the parent must see the original signal";
  return crash;
}

std::string FunctionOf(const eas_crash& crash, uint32_t frame) {
  char text[2 * EAS_FRAME_TEXT] = "";
  if (frame < crash.frame_count) eas_describe_frame(crash.frame[frame], text, sizeof(text));
  return text;
}

WITH_FRAME void ReadLowAddress() {
  volatile uintptr_t address = 0x10;
  [[maybe_unused]] const int value = *reinterpret_cast<volatile int*>(address);
}

WITH_FRAME void WriteConstant() {
  static const char kText[] = "constant";
  *const_cast<volatile char*>(kText) = 'C';
}

WITH_FRAME int Recurse(int depth) {
  volatile char frame[1024];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : Recurse(depth + 1) + frame[0];
}

WITH_FRAME void RecurseWithoutEnd() { Recurse(0); }

// The first access lies far below the stack.
WITH_FRAME void TouchLargeFrame() {
  volatile char frame[1 << 28];
  for (size_t i = 0; i < sizeof(frame); i += 4096) frame[i] = 1;
}

// In the memory above the stack of a thread, not below it.
WITH_FRAME void OverrunStackUpwards() {
  char frame[16] = {};
  for (volatile char* at = frame;; at += 4096) *at = 1;
}

WITH_FRAME void CallNull() {
  void (*volatile nowhere)() = nullptr;
  nowhere();
  asm volatile("");  // no tail call: the frame must be there
}

TEST(Fault, KindsOfFaultsAreTold) {
  const struct {
    void (*death)();
    int fault;
    const char* function;
  } cases[] = {{ReadLowAddress, EAS_FAULT_OTHER, "ReadLowAddress"},
               {RecurseWithoutEnd, EAS_FAULT_STACK_OVERFLOW, "Recurse"},
               {TouchLargeFrame, EAS_FAULT_STACK_OVERFLOW, "TouchLargeFrame"},
#if defined(__x86_64__)
               {WriteConstant, EAS_FAULT_READ_ONLY, "WriteConstant"},
#endif
               {OverrunStackUpwards, EAS_FAULT_OTHER, "OverrunStackUpwards"}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.function);
    const eas_crash crash = RecordOf(one.death);
    EXPECT_EQ(SIGSEGV, crash.signal);
    EXPECT_EQ(one.fault, crash.fault) << std::hex << crash.address;
    EXPECT_NE(std::string::npos, FunctionOf(crash, 0).find(one.function)) << FunctionOf(crash, 0);
  }
}

TEST(Fault, ACallOfNullIsAJumpAndHasItsCaller) {
  const eas_crash crash = RecordOf(CallNull);
  EXPECT_EQ(EAS_FAULT_JUMP, crash.fault);
  EXPECT_EQ(0u, crash.address);
  EXPECT_NE(std::string::npos, FunctionOf(crash, 1).find("CallNull")) << FunctionOf(crash, 1);
}

#if defined(__x86_64__)
WITH_FRAME void ReturnTo(uintptr_t address) { asm volatile("movq %0, 8(%%rbp)" ::"r"(address) : "memory"); }

WITH_FRAME void ReturnToNoAddress() { ReturnTo(0x4141414141414141); }

WITH_FRAME void ReturnToNoCode() { ReturnTo(0x123456); }

TEST(Fault, AnOverwrittenReturnAddressIsTold) {
  const eas_crash crash = RecordOf(ReturnToNoAddress);
  EXPECT_EQ(EAS_FAULT_RETURN, crash.fault);
  EXPECT_NE(std::string::npos, FunctionOf(crash, 0).find("ReturnTo")) << FunctionOf(crash, 0);
  EXPECT_EQ(EAS_FAULT_RETURN, RecordOf(ReturnToNoCode).fault);
}

// The unwinder reads the frame at a bad address, and fails a second time.
WITH_FRAME void LoseFrame() { asm volatile("movq $16, %rbp; ud2"); }

TEST(Fault, AWalkThatFailsLeavesTheFramesBeforeIt) {
  const eas_crash crash = RecordOf(LoseFrame);
  EXPECT_EQ(SIGILL, crash.signal);
  ASSERT_GE(crash.frame_count, 1u);
  EXPECT_NE(std::string::npos, FunctionOf(crash, 0).find("LoseFrame")) << FunctionOf(crash, 0);
}
#endif

WITH_FRAME void FreeTwice() {
  void* volatile block = std::malloc(100);
  std::free(block);
  std::free(block);
}

template <typename Thrown>
WITH_FRAME void Throw(Thrown thrown) {
  throw thrown;
}

WITH_FRAME void ThrowToNobody() noexcept { Throw(std::out_of_range("no such row")); }

WITH_FRAME void ThrowNumber() noexcept { Throw(7); }

WITH_FRAME void Abort() { std::abort(); }

TEST(Fault, LastWordsOfTheCLibraryAreKept) {
  EXPECT_STREQ("free(): double free detected in tcache 2\n", RecordOf(FreeTwice).message);
  EXPECT_STREQ("", RecordOf(Abort).message);
  EXPECT_STREQ("", RecordOf(Abort).exception);
}

TEST(Fault, AnExceptionThatNobodyCatchesIsKept) {
  const eas_crash crash = RecordOf(ThrowToNobody);
  EXPECT_STREQ("std::out_of_range", crash.exception);
  EXPECT_STREQ("no such row", crash.message);
  EXPECT_STREQ("int", RecordOf(ThrowNumber).exception);
}

}  // namespace
}  // namespace eas
