// Bodies that the plane receives straight into slots, and answers that it sends straight out of them.
#include <thread>

#include "plane_testing.h"

namespace eas::testing {
namespace {

constexpr size_t kLarge = 300'000;

// A connection of which the plane receives `size` bytes into a slot, from `offset` on.
class PlaneBodyTest : public PlaneTest {
 protected:
  void Begin(size_t offset, size_t size) {
    connection_ = Connect(&client_);
    slot_ = eas_front_reserve(ring_);
    eas_plane_receive(plane_, connection_, number_, slot_, offset, size);
  }

  // What has come into the slot by the time that all is there.
  size_t Receive(size_t size) {
    size_t received = 0;
    while (received < size) {
      for (const Event& event : Turn()) {
        EXPECT_EQ(EAS_PLANE_RECEIVED, event[0]);
        EXPECT_EQ(connection_, event[1]);
        if (event[0] != EAS_PLANE_RECEIVED) return received;
        received += static_cast<size_t>(event[2]);
      }
    }
    return received;
  }

  int client_ = -1;
  int connection_ = -1;
  int slot_ = -1;
};

TEST_F(PlaneBodyTest, ABodyGoesIntoItsSlotAndNoFurther) {
  Begin(5, kLarge);
  eas_front_write(ring_, slot_, 0, "first", 5);
  std::string rest(kLarge, '\0');
  for (size_t i = 0; i < rest.size(); ++i) rest[i] = static_cast<char>(i * 31);
  std::thread sender([&] { Send(client_, rest + "next"); });
  EXPECT_EQ(kLarge, Receive(kLarge));
  sender.join();
  const std::vector<Event> events = Turn();
  ASSERT_EQ(1u, events.size());
  EXPECT_EQ(EAS_PLANE_DATA, events[0][0]);
  EXPECT_EQ("next", Data(events[0]));
  eas_front_publish(ring_, slot_, 5 + kLarge);
  EXPECT_EQ("first" + rest, Serve("answer"));
}

TEST_F(PlaneBodyTest, WhatComesAfterItWasUndoneIsData) {
  Begin(0, kLarge);
  Send(client_, "one");
  EXPECT_EQ(3u, Receive(3));
  eas_plane_receive(plane_, connection_, -1, -1, 0, 0);
  eas_front_release(ring_, slot_);
  Send(client_, "two");
  const std::vector<Event> events = Turn();
  EXPECT_EQ(EAS_PLANE_DATA, events[0][0]);
  EXPECT_EQ("two", Data(events[0]));
}

TEST_F(PlaneBodyTest, NothingIsWrittenIntoASlotThatIsNotReserved) {
  const std::function<void()> spoil[] = {
      [this] { eas_front_release(ring_, slot_); },
      [this] { eas_front_publish(ring_, slot_, 0); },
      [this] { eas_plane_receive(plane_, connection_, number_, 1000, 0, 4); },
      [this] { eas_plane_receive(plane_, connection_, number_ + 1, slot_, 0, 4); },
      [this] { eas_plane_receive(plane_, connection_, number_, slot_, (1 << 20) - 3, 4); },
      [this] { eas_plane_receive(plane_, connection_, number_, slot_, ~size_t{0}, 4); },
      [this] { eas_plane_detach(plane_, number_); },
  };
  for (const std::function<void()>& one : spoil) {
    Begin(0, 4);
    one();
    Send(client_, "data");
    const std::vector<Event> events = Turn();
    EXPECT_EQ(EAS_PLANE_DATA, events[0][0]);
    EXPECT_EQ("data", Data(events[0]));
    eas_plane_remove(plane_, connection_);
  }
}

TEST_F(PlaneBodyTest, AClientThatEndsInABodyIsReported) {
  Begin(0, kLarge);
  Send(client_, "part");
  shutdown(client_, SHUT_WR);
  EXPECT_EQ(4u, Receive(4));
  EXPECT_EQ(EAS_PLANE_EOF, Turn()[0][0]);
  EXPECT_FALSE(Ready());
}

TEST_F(PlaneBodyTest, ABodyOfAConnectionThatIsNotReadWaits) {
  Begin(0, kLarge);
  eas_plane_watch(plane_, connection_, 0, 0);
  Send(client_, "part");
  EXPECT_FALSE(Ready());
  eas_plane_watch(plane_, connection_, 1, 0);
  EXPECT_EQ(4u, Receive(4));
}

TEST_F(PlaneTest, AnAnswerIsSentFromItsSlot) {
  int client;
  ConnectKnown(&client);
  for (const size_t size : {size_t{16 * 1024}, size_t{16 * 1024 + 1}, size_t{kLarge}, size_t{1} << 20}) {
    std::string answer(size, '\0');
    for (size_t i = 0; i < size; ++i) answer[i] = static_cast<char>(i * 17);
    const std::string expected = Response(answer);
    std::string read;
    std::thread reader([&] { read = Read(client, expected.size()); });
    Send(client, Request("body"));
    Turn();
    Serve(answer);
    EXPECT_EQ(0, Collect());
    EXPECT_EQ(0, eas_front_in_flight(ring_));
    for (std::vector<Event> events = Take(); !events.empty(); events = Take()) {
      for (const Event& event : events) {  // the test plays Python, which sends the rest
        const int flags = fcntl(fds_.back(), F_GETFL);
        fcntl(fds_.back(), F_SETFL, flags & ~O_NONBLOCK);
        Send(fds_.back(),
             std::string(reinterpret_cast<const char*>(event[2]), static_cast<size_t>(event[3])));
        fcntl(fds_.back(), F_SETFL, flags);
      }
    }
    reader.join();
    EXPECT_TRUE(expected == read) << size;
    eas_plane_arm(plane_, 0);
  }
}

TEST_F(PlaneTest, BodiesAboveTheAllowanceArePythons) {
  eas_plane_set_allowance(plane_, 1000);
  int clients[3];
  for (int& client : clients) ConnectKnown(&client);
  Send(clients[0], Request(std::string(600, 'a')));
  EXPECT_EQ(EAS_PLANE_SUBMITTED, Turn()[0][0]);
  Send(clients[1], Request(std::string(600, 'b')));
  EXPECT_EQ(EAS_PLANE_DATA, Turn()[0][0]);
  Serve("answer");
  EXPECT_EQ(0, Collect());
  Send(clients[2], Request(std::string(1000, 'c')));
  EXPECT_EQ(EAS_PLANE_SUBMITTED, Turn()[0][0]);
  eas_plane_hand_up_all(plane_);  // Python counts it from now on
  EXPECT_EQ(1u, Take().size());
  Send(clients[0], Request(std::string(1000, 'd')));
  EXPECT_EQ(EAS_PLANE_SUBMITTED, Turn()[0][0]);
}

}  // namespace
}  // namespace eas::testing
