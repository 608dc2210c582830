#include "log.h"

#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "testing.h"

namespace eas {
namespace {

using testing::LogCatcher;

TEST(Log, ARecordIsALevelATextAndAnEnd) {
  LogCatcher log;
  eas_log('I', "one\ntwo", 7);
  Log('E', "");
  Log('W',
      "a\x1e"
      "b");
  EXPECT_EQ(
      "Ione\ntwo\x1e"
      "E\x1e"
      "Wa b\x1e",
      log.Read());
}

TEST(Log, WithoutADescriptorNothingHappens) {
  eas_log_open(-1);
  Log('E', "unheard");
}

TEST(Log, AReaderThatIsGoneDoesNotStopTheWriter) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  close(ends[0]);
  const auto before = signal(SIGPIPE, SIG_IGN);
  eas_log_open(ends[1]);
  Log('E', "unheard");
  eas_log_open(-1);
  signal(SIGPIPE, before);
  close(ends[1]);
}

// Several threads write records that are larger than a pipe, through a descriptor that does not block.
TEST(Log, RecordsAreNeverMixed) {
  constexpr size_t kThreads = 4;
  constexpr size_t kRecords = 20;
  constexpr size_t kSize = 100'000;
  int ends[2];
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
  ASSERT_EQ(0, fcntl(ends[1], F_SETFL, O_NONBLOCK));
  eas_log_open(ends[1]);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([i] {
      for (size_t record = 0; record < kRecords; ++record)
        Log('I', std::string(kSize, static_cast<char>('a' + i)));
    });
  }
  size_t records = 0;
  std::string pending;
  std::vector<char> buffer(65536);
  while (records < kThreads * kRecords) {
    const ssize_t got = read(ends[0], buffer.data(), buffer.size());
    ASSERT_GT(got, 0);
    pending.append(buffer.data(), static_cast<size_t>(got));
    for (size_t end; (end = pending.find('\x1e')) != std::string::npos; pending.erase(0, end + 1)) {
      ASSERT_EQ(kSize + 1, end);
      ASSERT_EQ(kSize, static_cast<size_t>(
                           std::count(pending.begin() + 1, pending.begin() + 1 + kSize, pending[1])));
      ++records;
    }
  }
  for (std::thread& thread : threads) thread.join();
  eas_log_open(-1);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace eas
