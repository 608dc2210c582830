#include "exception_guard.h"

#include <cxxabi.h>
#include <pthread.h>

#include <new>
#include <stdexcept>
#include <system_error>

#include "testing.h"

namespace eas {
namespace {

struct Nameless {};

class Custom : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Speechless : public std::exception {
 public:
  const char* what() const noexcept override { return nullptr; }
};

__attribute__((noinline)) void ThrowDeep(int depth) {
  if (depth == 0) throw Custom("from the deep");
  ThrowDeep(depth - 1);
  asm volatile("");  // no tail call: each level is a frame
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ExceptionGuard, ArgumentsAndResultPassThrough) {
  void* (*five)(const char*, int, void*, int*, long) = [](const char* text, int number, void* null, int* out,
                                                          long big) {
    *out = number;
    return reinterpret_cast<void*>(null == nullptr && big == -5'000'000'000 ? const_cast<char*>(text)
                                                                            : nullptr);
  };
  const char* text = "text";
  int out = 0;
  const GuardedResult outcome = CallGuarded(five, text, -7, nullptr, &out, -5'000'000'000L);
  ASSERT_TRUE(outcome.returned);
  EXPECT_EQ(-7, out);
  EXPECT_EQ(text, reinterpret_cast<const char*>(outcome.value));

  int (*negative)() = [] { return -1; };
  EXPECT_EQ(-1, static_cast<int>(CallGuarded(negative).value));
}

TEST(ExceptionGuard, EachKindOfExceptionIsDistinguished) {
  const struct {
    void (*function)();
    const char* type;
    const char* message;
  } cases[] = {
      {[] { throw std::runtime_error("what it says"); }, "std::runtime_error", "what it says"},
      {[] { throw std::runtime_error(""); }, "std::runtime_error", ""},
      {[] { throw Custom("mine"); }, "eas::(anonymous namespace)::Custom", "mine"},
      {[] { throw std::bad_alloc(); }, "std::bad_alloc", "std::bad_alloc"},
      {[] { throw Speechless(); }, "eas::(anonymous namespace)::Speechless", ""},
      {[] { throw 7; }, "int", "unknown exception of type int"},
      {[] { throw "text"; }, "char const*", "unknown exception of type char const*"},
      {[] { throw Nameless(); }, "eas::(anonymous namespace)::Nameless",
       "unknown exception of type eas::(anonymous namespace)::Nameless"},
      {[] {
         try {
           throw std::logic_error("again");
         } catch (...) {
           throw;
         }
       },
       "std::logic_error", "again"},
      {[] {
         try {
           throw 1;
         } catch (int) {
           throw std::length_error("instead");
         }
       },
       "std::length_error", "instead"},
  };
  for (const auto& one : cases) {
    const GuardedResult outcome = CallGuarded(one.function);
    EXPECT_FALSE(outcome.returned);
    EXPECT_EQ(one.type, outcome.thrown.type);
    EXPECT_EQ(one.message, outcome.thrown.message);
    EXPECT_NE("", outcome.thrown.trace);
  }
}

TEST(ExceptionGuard, TheTraceBeginsAtTheThrowAndEndsAtTheProcessor) {
  void (*function)() = [] { ThrowDeep(3); };
  const GuardedResult outcome = CallGuarded(function);
  EXPECT_EQ("from the deep", outcome.thrown.message);
  const std::string& trace = outcome.thrown.trace;
  EXPECT_EQ(0u, trace.find("\n  at eas::(anonymous namespace)::ThrowDeep(int) (")) << trace;
  EXPECT_EQ(4u, Count(trace, "ThrowDeep")) << trace;
  EXPECT_LE(Count(trace, "\n  at "), 6u) << trace;  // those, and the lambda
  EXPECT_EQ(0u, Count(trace, "CallThroughTrampoline") + Count(trace, "eas_") + Count(trace, "__cxa_"))
      << trace;
}

TEST(ExceptionGuard, AnExceptionThatIsCaughtInsideLeavesNothing) {
  void (*caught)() = [] {
    try {
      ThrowDeep(2);
    } catch (const Custom&) {
    }
  };
  EXPECT_TRUE(CallGuarded(caught).returned);
  void (*other)() = [] { throw 1; };
  EXPECT_EQ(0u, Count(CallGuarded(other).thrown.trace, "ThrowDeep"));
}

TEST(ExceptionGuard, DestructorsRunWhileUnwinding) {
  static int destroyed;
  destroyed = 0;
  struct Guard {
    ~Guard() { ++destroyed; }
  };
  void (*function)() = [] {
    const Guard outer;
    const Guard inner;
    ThrowDeep(1);
  };
  EXPECT_FALSE(CallGuarded(function).returned);
  EXPECT_EQ(2, destroyed);
}

TEST(ExceptionGuard, NestedGuardedCallsCatchTheirOwnExceptions) {
  void (*outer)() = [] {
    void (*inner)() = [] { throw std::runtime_error("inner"); };
    const GuardedResult outcome = CallGuarded(inner);
    throw std::runtime_error("outer after " + outcome.thrown.message);
  };
  EXPECT_EQ("outer after inner", CallGuarded(outer).thrown.message);
}

// The end of a thread unwinds the stack, too, but must not be stopped.
TEST(ExceptionGuard, AThreadMayEndItself) {
  static bool seen;
  seen = false;
  pthread_t thread;
  const auto main = [](void*) EAS_CATCHES_FORCED_UNWIND -> void* {
    try {
      void (*function)() = [] { pthread_exit(&seen); };
      CallGuarded(function);
    } catch (const abi::__forced_unwind&) {
      seen = true;
      throw;
    }
    return nullptr;
  };
  ASSERT_EQ(0, pthread_create(&thread, nullptr, main, nullptr));
  void* result = nullptr;
  ASSERT_EQ(0, pthread_join(thread, &result));
  EXPECT_TRUE(seen);
  EXPECT_EQ(&seen, result);
}

}  // namespace
}  // namespace eas
