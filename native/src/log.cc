#include "log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>

namespace eas {
namespace {

constexpr char kRecordEnd = '\x1e';

std::mutex log_mutex;
int log_fd = -1;

constexpr int kWriteTimeout = 1000;  // milliseconds

// Writes all of it, also to a descriptor that does not block. Data that cannot be written is lost: the reader
// is gone, or this very thread is the reader, which loads a processor in the host's own process.
void WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written > 0) {
      data += written;
      size -= static_cast<size_t>(written);
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      if (poll(&writable, 1, kWriteTimeout) == 0) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

void OpenLog(int fd) {
  const std::lock_guard<std::mutex> lock(log_mutex);
  log_fd = fd;
}

void Log(char level, std::string_view text) {
  std::string record(1, level);
  record.append(text);
  std::replace(record.begin(), record.end(), kRecordEnd, ' ');
  record.push_back(kRecordEnd);
  const std::lock_guard<std::mutex> lock(log_mutex);
  if (log_fd >= 0) WriteAll(log_fd, record.data(), record.size());
}

}  // namespace eas
