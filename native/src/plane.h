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
// The descriptor of the plane, an epoll, is watched by Python's event loop, on whose thread all of this runs.
#ifndef EAS_NATIVE_PLANE_H_
#define EAS_NATIVE_PLANE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "front.h"
#include "head_template.h"
#include "plane_api.h"

struct eas_plane;

namespace eas {

using Plane = ::eas_plane;

// One client.
struct PlaneConnection {
  int fd = -1;
  bool reading = false;
  bool writing = false;   // Python waits until it can write
  uint32_t interest = 0;  // what the epoll watches; 0: the socket is not in it
  bool armed = false;     // idle, and the template is valid
  HeadTemplate head;
  int ring = -1;  // where requests go that match
  size_t max_body = 0;
  int slot = -1;  // of the request under way that Python knows nothing of
  size_t body_size = 0;
  int64_t began = 0;
  int64_t last_used = 0;
  std::string unsent;  // of the last answer
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
  void Learn(int number, int ring, const char* encoded, size_t size, int64_t body_size, size_t max_body);
  void Arm(int number, bool armed);
  void SetHead(int status, const char* head, size_t size);
  void ForgetHeads();
  bool Submit(int number, int ring, const char* body, size_t size);
  int Turn(int64_t now, int64_t* events, int max);
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
  bool SubmitIfKnown(eas::PlaneConnection& connection, int number, const char* data, size_t size);
  void Send(eas::PlaneConnection& connection, int number, const char* data, size_t size);

  int epoll_ = -1;
  bool allowed_ = false;
  int64_t now_ = 0;
  std::vector<std::unique_ptr<eas::PlaneConnection>> connections_;
  std::vector<int> free_;  // numbers of connections
  std::vector<std::unique_ptr<eas::PlaneRing>> rings_;
  std::vector<Event> events_;
  size_t taken_ = 0;  // of them
  std::array<std::string, kStatuses> heads_;
  std::unique_ptr<char[]> buffer_;  // what was received in this turn
  size_t used_ = 0;                 // of it
  std::unique_ptr<char[]> answer_;
};

#endif  // EAS_NATIVE_PLANE_H_
