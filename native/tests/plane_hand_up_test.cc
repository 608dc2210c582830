// What the data plane hands up to Python, with a request or without one.
#include "plane_testing.h"

namespace eas::testing {
namespace {

TEST_F(PlaneTest, ARequestIsHandedUpWhenItsClientSendsMoreOrLeaves) {
  struct Case {
    std::function<void(int)> act;
    int64_t kind;
  };
  const linger reset{1, 0};
  const Case cases[] = {
      {[](int client) { Send(client, "more"); }, EAS_PLANE_DATA},
      {[](int client) { shutdown(client, SHUT_WR); }, EAS_PLANE_EOF},
      {[this, &reset](int client) {
         setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
         close(client);
         fds_.erase(std::find(fds_.begin(), fds_.end(), client));
       },
       EAS_PLANE_FAILED},
  };
  for (const Case& one : cases) {
    int client;
    const int connection = ConnectKnown(&client);
    Send(client, Request("body"));
    Turn(42);
    one.act(client);
    const std::vector<Event> events = Turn(50);
    ASSERT_EQ(2u, events.size());
    EXPECT_EQ(EAS_PLANE_REQUEST, events[0][0]);
    EXPECT_EQ(connection, events[0][1]);
    EXPECT_EQ(4, events[0][3]);
    EXPECT_EQ(42, events[0][4]);
    EXPECT_EQ(one.kind, events[1][0]);
    EXPECT_EQ(one.kind == EAS_PLANE_FAILED ? ECONNRESET : events[1][2], events[1][2]);
    // Its answer is Python's.
    EXPECT_EQ("body", Serve("answer"));
    EXPECT_EQ(1, Collect());
    EXPECT_EQ(events[0][2], completions_[0]);
    EXPECT_EQ(EAS_RETURNED | EAS_COPIED, completions_[1]);
    EXPECT_FALSE(Ready());  // also after the end of the bytes, or an error
    eas_plane_remove(plane_, connection);
  }
}

TEST_F(PlaneTest, AnAnswerThatIsNotPlainIsHandedUp) {
  const std::string large((1 << 20) + 1, 'x');
  struct Case {
    int outcome;
    int status;
    std::string output;
  };
  for (const Case& one : {Case{EAS_RETURNED, 404, "no head"}, Case{EAS_RETURNED, 1000, "no status"},
                          Case{EAS_RETURNED, -5, "nor this"}, Case{EAS_RETURNED, 0, large},
                          Case{EAS_RAISED, 0, "an exception"}, Case{EAS_BAD_OUTPUT, 0, "a pointer"}}) {
    int client;
    const int connection = ConnectKnown(&client);
    Send(client, Request("body"));
    Turn();
    const eas_call call = ring_.Take();
    eas_worker_reply(ring_, 0, 0, &call, one.outcome, one.status, one.output.data(), one.output.size());
    EXPECT_EQ(1, Collect()) << one.output;
    const std::vector<Event> events = Take();
    ASSERT_EQ(1u, events.size());
    EXPECT_EQ(EAS_PLANE_REQUEST, events[0][0]);
    EXPECT_EQ(connection, events[0][1]);
    EXPECT_EQ(completions_[0], events[0][2]);
    eas_front_release(ring_, static_cast<int>(completions_[0]));
    EXPECT_EQ(0, eas_front_in_flight(ring_));
  }
}

TEST_F(PlaneTest, HeadsAreForgotten) {
  int client;
  ConnectKnown(&client);
  eas_plane_forget_heads(plane_);
  Send(client, Request("body"));
  Turn();
  Serve("answer");
  EXPECT_EQ(1, Collect());
}

TEST_F(PlaneTest, AllRequestsAreHandedUpAtOnce) {
  int clients[3];
  std::vector<int> connections;
  for (int& client : clients) connections.push_back(ConnectKnown(&client));
  for (const int client : clients) Send(client, Request("body"));
  while (eas_front_in_flight(ring_) < 3) Turn();
  eas_plane_hand_up_all(plane_);
  eas_plane_hand_up_all(plane_);  // they are Python's already
  EXPECT_EQ(3, eas_plane_pending(plane_));
  for (const Event& event : Take()) {
    EXPECT_EQ(EAS_PLANE_REQUEST, event[0]);
    EXPECT_EQ(1, eas_front_cancel(ring_, static_cast<int>(event[2])));
  }
  EXPECT_EQ(0, eas_front_in_flight(ring_));
}

TEST_F(PlaneTest, WhatASlowClientDoesNotTakeIsForPython) {
  int client;
  const int connection = ConnectKnown(&client, 1000, 4096);
  const std::string answer(60'000, 'y');
  std::string unsent;
  size_t answers = 0;
  while (unsent.empty()) {
    Send(client, Request("body"));
    Turn();
    Serve(answer);
    EXPECT_EQ(0, Collect());
    ++answers;
    for (const Event& event : Take()) {
      EXPECT_EQ(EAS_PLANE_UNSENT, event[0]);
      EXPECT_EQ(connection, event[1]);
      unsent.assign(reinterpret_cast<const char*>(event[2]), static_cast<size_t>(event[3]));
    }
  }
  std::string expected;
  for (size_t i = 0; i < answers; ++i) expected += Response(answer);
  const std::string read = Read(client, expected.size() - unsent.size());
  EXPECT_EQ(expected, read + unsent);
  // Python sends the rest when the socket takes more, and has the connection until it says otherwise.
  eas_plane_watch(plane_, connection, 1, 1);
  EXPECT_EQ(EAS_PLANE_WRITABLE, Turn()[0][0]);
  eas_plane_watch(plane_, connection, 1, 0);
  Send(client, Request("next"));
  EXPECT_EQ(EAS_PLANE_DATA, Turn()[0][0]);
}

TEST_F(PlaneTest, AnImpossibleCompletionIsForPython) {
  int client;
  ConnectKnown(&client);
  for (const uint64_t size : {uint64_t{1} << 21, ~uint64_t{0}}) {
    Send(client, Request("body"));
    Turn();
    const eas_call call = ring_.Take();
    ring_.Reply(call, "answer");
    ring_->controls[call.slot].output_size.store(size);  // as a stray write of a processor would
    EXPECT_EQ(1, Collect());
    EXPECT_EQ(EAS_BAD_OUTPUT | EAS_COPIED, completions_[1]);
    EXPECT_EQ(0, completions_[3]);
    EXPECT_EQ(EAS_PLANE_REQUEST, Take()[0][0]);
    ConnectKnown(&client);
  }
}

}  // namespace
}  // namespace eas::testing
