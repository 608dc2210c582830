// The data plane over real sockets and a real ring.
#include "plane_testing.h"

namespace eas::testing {
namespace {

TEST_F(PlaneTest, BytesOfAnUnknownClientAreForPython) {
  int client;
  const int connection = Connect(&client);
  EXPECT_FALSE(Ready());
  Send(client, Request("body"));
  const std::vector<Event> events = Turn();
  ASSERT_EQ(1u, events.size());
  EXPECT_EQ(EAS_PLANE_DATA, events[0][0]);
  EXPECT_EQ(connection, events[0][1]);
  EXPECT_EQ(Request("body"), Data(events[0]));
  EXPECT_FALSE(Ready());
}

TEST_F(PlaneTest, AKnownRequestIsAnsweredWithoutPython) {
  int client;
  const int connection = ConnectKnown(&client);
  for (const char* body : {"one", "", "another body"}) {
    Send(client, Request(body));
    const std::vector<Event> events = Turn(7);
    ASSERT_EQ(1u, events.size());
    EXPECT_EQ(EAS_PLANE_SUBMITTED, events[0][0]);
    EXPECT_EQ(number_, events[0][1]);
    EXPECT_EQ(1, eas_front_in_flight(ring_));
    EXPECT_EQ(body, Serve(std::string("echo ") + body));
    EXPECT_EQ(0, Collect());
    EXPECT_EQ(0, eas_front_in_flight(ring_));
    const std::string response = Response(std::string("echo ") + body);
    EXPECT_EQ(response, Read(client, response.size()));
  }
  EXPECT_EQ(0, eas_plane_pending(plane_));
  EXPECT_EQ(7, eas_plane_last_used(plane_, connection));
  EXPECT_EQ(3u, eas_front_collected(ring_));
}

TEST_F(PlaneTest, ARequestThatPythonHasJudgedIsAnsweredToo) {
  int client;
  const int connection = Connect(&client);
  Send(client, "judged by Python");
  EXPECT_EQ(EAS_PLANE_DATA, Turn(5)[0][0]);
  EXPECT_EQ(1, eas_plane_submit(plane_, connection, number_, "body", 4));
  EXPECT_EQ(0, eas_plane_submit(plane_, connection, number_, "body", 4));  // one at a time
  EXPECT_EQ("body", Serve("answer"));
  EXPECT_EQ(0, Collect());
  EXPECT_EQ(Response("answer"), Read(client, Response("answer").size()));
  EXPECT_EQ(5, eas_plane_last_used(plane_, connection));
  Send(client, "the next one");
  EXPECT_EQ(EAS_PLANE_DATA, Turn()[0][0]);
  eas_plane_allow(plane_, 0);
  EXPECT_EQ(0, eas_plane_submit(plane_, connection, number_, "body", 4));
  eas_plane_allow(plane_, 1);
  eas_front_set_capacity(ring_, 0);
  EXPECT_EQ(0, eas_plane_submit(plane_, connection, number_, "body", 4));
  EXPECT_EQ(0, eas_plane_submit(plane_, connection + 1, number_, "body", 4));
  EXPECT_EQ(0, eas_plane_submit(plane_, connection, number_ + 1, "body", 4));
}

TEST_F(PlaneTest, EachAnswerGoesToItsOwnClient) {
  int clients[3];
  for (int& client : clients) ConnectKnown(&client);
  for (int i = 0; i < 3; ++i) Send(clients[i], Request(std::string(1, static_cast<char>('a' + i))));
  while (eas_front_in_flight(ring_) < 3) Turn();
  eas_call calls[3];
  for (eas_call& call : calls) call = ring_.Take();
  for (int i = 2; i >= 0; --i) ring_.Reply(calls[i], std::string(calls[i].input, 1));
  EXPECT_EQ(0, Collect());
  for (int i = 0; i < 3; ++i) {
    const std::string response = Response(std::string(1, static_cast<char>('a' + i)));
    EXPECT_EQ(response, Read(clients[i], response.size()));
  }
}

TEST_F(PlaneTest, WhatItMayNotAnswerIsForPython) {
  struct Case {
    const char* what;
    std::function<void(int)> prepare;
    std::string request;
  };
  const Case cases[] = {
      {"a large body", [](int) {}, Request(std::string(1001, 'x'))},
      {"two requests", [](int) {}, Request("a") + Request("b")},
      {"a part", [](int) {}, Request("a").substr(0, 20)},
      {"not idle", [this](int connection) { eas_plane_disarm(plane_, connection); }, Request("a")},
      {"not allowed", [this](int) { eas_plane_allow(plane_, 0); }, Request("a")},
      {"no room", [this](int) { eas_front_set_capacity(ring_, 0); }, Request("a")},
      {"no ring", [this](int) { eas_plane_detach(plane_, number_); }, Request("a")},
  };
  for (const Case& one : cases) {
    int client;
    const int connection = ConnectKnown(&client);
    one.prepare(connection);
    Send(client, one.request);
    const std::vector<Event> events = Turn();
    ASSERT_EQ(1u, events.size()) << one.what;
    EXPECT_EQ(EAS_PLANE_DATA, events[0][0]) << one.what;
    EXPECT_EQ(one.request, Data(events[0])) << one.what;
    EXPECT_EQ(0, eas_front_in_flight(ring_)) << one.what;
    // From then on Python has the connection, until it says otherwise.
    Send(client, Request("next"));
    EXPECT_EQ(EAS_PLANE_DATA, Turn()[0][0]) << one.what;
    eas_plane_allow(plane_, 1);
    eas_front_set_capacity(ring_, 4);
  }
}

TEST_F(PlaneTest, AConnectionThatIsNotReadWakesNobody) {
  int client;
  const int connection = ConnectKnown(&client);
  eas_plane_watch(plane_, connection, 0, 0);
  Send(client, Request("body"));
  shutdown(client, SHUT_WR);
  EXPECT_FALSE(Ready());
  eas_plane_watch(plane_, connection, 1, 0);
  EXPECT_EQ(EAS_PLANE_SUBMITTED, Turn()[0][0]);
  const std::vector<Event> events = Turn();
  ASSERT_EQ(2u, events.size());
  EXPECT_EQ(EAS_PLANE_REQUEST, events[0][0]);
  EXPECT_EQ(EAS_PLANE_EOF, events[1][0]);
}

TEST_F(PlaneTest, UnknownNumbersAreIgnored) {
  for (const int number : {-1, 0, 1000}) {
    eas_plane_remove(plane_, number);
    eas_plane_watch(plane_, number, 1, 1);
    eas_plane_arm(plane_, number);
    eas_plane_disarm(plane_, number);
    eas_plane_hand_up(plane_, number);
    eas_plane_learn(plane_, number, 0, "", 0, 0, 0);
    eas_plane_set_head(plane_, -number - 1, "", 0);
    EXPECT_EQ(0, eas_plane_last_used(plane_, number));
  }
  eas_plane_detach(plane_, 7);
  EXPECT_EQ(-1, eas_plane_add(plane_, -1));
  EXPECT_EQ(0, eas_plane_pending(plane_));
}

TEST_F(PlaneTest, AnotherRingTakesThePlaceOfOneThatIsDetached) {
  const TestRing other;
  const int number = eas_plane_attach(plane_, other);
  EXPECT_NE(number_, number);
  eas_plane_detach(plane_, number_);
  const TestRing third;
  EXPECT_EQ(number_, eas_plane_attach(plane_, third));
  eas_plane_detach(plane_, number_);
  eas_plane_detach(plane_, number);
}

}  // namespace
}  // namespace eas::testing
