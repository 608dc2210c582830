// The data plane: reads from the sockets of clients, and answers by itself the requests that need no
// decision.
//
// Strategy: Python accepts clients, parses and judges. What it has judged once a template repeats: a request
// that comes whole and alone on an idle connection, with a head like the last one, is submitted to the ring
// here, and its answer is sent from here. So it costs no Python at all. Everything else is reported by
// events, as an event loop would: bytes, the end of them, room to write.
//
// A request that was submitted here is nothing to Python until it needs it: because its client has left or
// has sent more, its deadline has passed, its worker has died, the host stops, or its answer is not a plain
// one. Then it is handed up: an event tells its slot, and from there on Python has it like any other. To hand
// up is always allowed, so each rare case may do it, for one request or for all.
//
// A body that Python has begun to read, and that is large, is received straight into its slot; Python is told
// how much has come. A large answer is sent straight from its slot.
//
// The descriptor of the plane, an epoll, is watched by Python's event loop, on whose thread all of this runs.
#ifndef EAS_NATIVE_PLANE_H_
#define EAS_NATIVE_PLANE_H_

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "front.h"
#include "head_template.h"
#include "plane_api.h"

struct eas_plane;

namespace eas {

using Plane = ::eas_plane;

// The rest of a body that goes straight into a slot.
struct PlaneBody {
  int ring = -1;
  int slot = -1;
  size_t at = 0;    // where the next byte goes
  size_t left = 0;  // bytes that are still to come; 0: no body goes into a slot
};

// One client.
struct PlaneConnection {
  int fd = -1;
  bool reading = false;
  bool writing = false;   // Python waits until it can write
  uint32_t interest = 0;  // what the epoll watches; 0: the socket is not in it
  bool armed = false;     // idle, and the template is valid
  bool large = false;     // its last body went straight into a slot
  HeadTemplate head;
  int ring = -1;  // where requests go that match
  size_t max_body = 0;
  int slot = -1;  // of the request under way that Python knows nothing of
  size_t body_size = 0;
  int64_t began = 0;
  int64_t last_used = 0;
  PlaneBody body;
};

// One ring, and which connection waits for the answer in each slot.
class PlaneRing : public Answerer {
 public:
  PlaneRing(Plane& plane, Front& front, uint32_t slots, int number);
  ~PlaneRing() override;
  PlaneRing(const PlaneRing&) = delete;
  PlaneRing& operator=(const PlaneRing&) = delete;

  bool Answer(int slot, int outcome, int status, size_t size) override;

  Front& front;
  std::vector<int> holders;  // by slot: a connection's number, -1 for none
  const int number;
  bool submitted = false;  // in this turn

 private:
  Plane& plane_;
};

}  // namespace eas

struct eas_plane {
 public:
  eas_plane() = default;
  eas_plane(const eas_plane&) = delete;
  eas_plane& operator=(const eas_plane&) = delete;
  ~eas_plane();

  // Each of these is documented in plane_api.h at the function of the same name, eas_plane_*.
  bool Open();
  int fd() const { return epoll_; }
  char* buffer() { return buffer_.get(); }
  int Add(int fd);
  void Remove(int number);
  void Watch(int number, bool reading, bool writing);
  int Attach(eas_ring& ring);
  void Detach(int ring);
  void Allow(bool allowed) { allowed_ = allowed; }
  void SetAllowance(size_t bytes) { allowance_ = std::max(bytes, under_way_); }
  void Learn(int number, int ring, const char* encoded, size_t size, int64_t body_size, size_t max_body);
  void Arm(int number, bool armed);
  void SetHead(int status, const char* head, size_t size);
  void ForgetHeads();
  bool Submit(int number, int ring, const char* body, size_t size);
  int Turn(int64_t now, int64_t* events, int max);
  void Receive(int number, const eas::PlaneBody& body);
  void HandUp(int number);
  void HandUpAll();
  int Take(int64_t* events, int max);
  int Pending() const { return static_cast<int>(events_.size() - taken_); }
  int64_t LastUsed(int number);

  // Answers the request in `slot` of `ring`, or hands it up.
  bool Answer(eas::PlaneRing& ring, int slot, int outcome, int status, size_t size);

  static constexpr size_t kBufferSize = 512 * 1024;

 private:
  using Event = std::array<int64_t, EAS_PLANE_NUMBERS>;

  static constexpr int kStatuses = 600;  // above those of HTTP

  eas::PlaneConnection* Find(int number);
  eas::PlaneRing* FindRing(int number);
  void Report(int64_t kind, int64_t about, int64_t first = 0, int64_t second = 0, int64_t third = 0);
  bool Update(eas::PlaneConnection& connection, int number);
  void Read(eas::PlaneConnection& connection, int number);
  char* BodyRoom(eas::PlaneConnection& connection, size_t* size);
  bool SubmitIfKnown(eas::PlaneConnection& connection, int number, const char* data, size_t size);
  bool Keep(const iovec* pieces, size_t count, size_t sent);
  void Send(eas::PlaneConnection& connection, int number, const iovec* pieces, size_t count);

  int epoll_ = -1;
  bool allowed_ = false;
  size_t allowance_ = std::numeric_limits<size_t>::max();  // never less than under_way_
  size_t under_way_ = 0;  // bytes of the bodies of requests that Python knows nothing of
  int64_t now_ = 0;
  std::vector<std::unique_ptr<eas::PlaneConnection>> connections_;
  std::vector<int> free_;  // numbers of connections
  std::vector<std::unique_ptr<eas::PlaneRing>> rings_;
  std::vector<Event> events_;
  std::deque<std::string> unsent_;  // the rests of answers that events tell of
  size_t taken_ = 0;                // of them
  std::array<std::string, kStatuses> heads_;
  std::unique_ptr<char[]> buffer_;  // what was received in this turn
  size_t used_ = 0;                 // of it
  size_t received_ = 0;             // bytes of bodies that went into slots in this turn
  std::unique_ptr<char[]> answer_;
};

#endif  // EAS_NATIVE_PLANE_H_
