// A plane with one ring, and clients over loopback. The test plays Python and, between two turns, the worker.
#ifndef EAS_NATIVE_PLANE_TESTING_H_
#define EAS_NATIVE_PLANE_TESTING_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "plane.h"
#include "testing.h"

namespace eas::testing {

inline constexpr char kRequestHead[] = "POST / HTTP/1.1\r\nContent-Length:";
inline constexpr char kAnswerHead[] = "HTTP/1.1 200 OK\r\nContent-Length: ";

using Event = std::array<int64_t, EAS_PLANE_NUMBERS>;

inline std::string Request(const std::string& body) {
  return kRequestHead + std::string(" ") + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string Response(const std::string& body) {
  return kAnswerHead + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string Part(int kind, const std::string& text = "") {
  std::string part(1, static_cast<char>(kind));
  for (int shift = 0; shift < 32; shift += 8) part += static_cast<char>(text.size() >> shift);
  return part + text;
}

class PlaneTest : public ::testing::Test {
 protected:
  PlaneTest() : plane_(eas_plane_new()) {
    eas_front_set_capacity(ring_, 4);
    number_ = eas_plane_attach(plane_, ring_);
    eas_plane_allow(plane_, 1);
    eas_plane_set_head(plane_, 200, kAnswerHead, sizeof(kAnswerHead) - 1);
  }
  ~PlaneTest() override {
    eas_plane_free(plane_);
    for (const int fd : fds_) close(fd);
  }

  // A connection over loopback. Returns the plane's number of it, and its client in *client.
  int Connect(int* client, int send_buffer = 0) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(0, bind(listener, reinterpret_cast<sockaddr*>(&address), size));
    EXPECT_EQ(0, listen(listener, 1));
    EXPECT_EQ(0, getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
    *client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(0, connect(*client, reinterpret_cast<sockaddr*>(&address), size));
    const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    EXPECT_GE(accepted, 0);
    if (send_buffer > 0) setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    close(listener);
    fds_.push_back(*client);
    fds_.push_back(accepted);
    return eas_plane_add(plane_, accepted);
  }

  // The same, with a template of `Request`, and armed.
  int ConnectKnown(int* client, size_t max_body = 1000, int send_buffer = 0) {
    const int connection = Connect(client, send_buffer);
    const std::string encoded =
        Part(EAS_PART_TEXT, kRequestHead) + Part(EAS_PART_LENGTH) + Part(EAS_PART_TEXT, "\r\n\r\n");
    eas_plane_learn(plane_, connection, number_, encoded.data(), encoded.size(), 0, max_body);
    eas_plane_arm(plane_, connection);
    return connection;
  }

  bool Ready(int timeout = 0) const {
    pollfd wait{eas_plane_fd(plane_), POLLIN, 0};
    return poll(&wait, 1, timeout) == 1;
  }

  // Waits until something is to be done, and does it.
  std::vector<Event> Turn(int64_t now = 1) {
    EXPECT_TRUE(Ready(kTimeout));
    std::vector<Event> events(64);
    events.resize(eas_plane_turn(plane_, now, events[0].data(), 64));
    return events;
  }

  std::vector<Event> Take() {
    std::vector<Event> events(64);
    events.resize(eas_plane_take(plane_, events[0].data(), 64));
    return events;
  }

  std::string Data(const Event& event) const {
    return std::string(eas_plane_buffer(plane_) + event[2], static_cast<size_t>(event[3]));
  }

  // What is left for Python of the completions that are there.
  int Collect() {
    char copies[4096];
    return eas_front_collect(ring_, completions_, 16, copies, sizeof(copies));
  }

  static void Send(int client, const std::string& data) {
    EXPECT_EQ(static_cast<ssize_t>(data.size()), send(client, data.data(), data.size(), MSG_NOSIGNAL));
  }

  static std::string Read(int client, size_t size) {
    std::string read(size, '\0');
    const ssize_t got = recv(client, read.data(), size, MSG_WAITALL);
    read.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return read;
  }

  // Takes the request that waits, and returns what is asked.
  std::string Serve(const std::string& answer, int status = 0) {
    const eas_call call = ring_.Take();
    const std::string asked(call.input, call.input_size);
    ring_.Reply(call, answer, status);
    return asked;
  }

  const TestRing ring_{RingSize(8, 2, 5, 1 << 20, (1 << 20) + 1)};
  eas_plane* const plane_;
  int number_ = -1;
  std::vector<int> fds_;
  int64_t completions_[64];
};

}  // namespace eas::testing

#endif  // EAS_NATIVE_PLANE_TESTING_H_
