#include "plane.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "ring.h"

namespace eas {
namespace {

constexpr int kReady = 128;  // sockets served in a turn, so that one turn does not take long

// Enough for one read to empty what a socket usually has, and for a few large ones in a turn.
constexpr size_t kReadSize = 256 * 1024;
constexpr size_t kMinReadSize = 64 * 1024;

// As SINGLE_WRITE_MAX in front/limits.py: a larger answer goes to Python, which does not copy it.
constexpr size_t kMaxAnswer = 64 * 1024;
constexpr size_t kMaxHead = 8 * 1024;  // of an answer
constexpr size_t kMaxDigits = 20;      // of a length
constexpr char kEndOfHead[] = "\r\n\r\n";
constexpr size_t kEndSize = sizeof(kEndOfHead) - 1;

}  // namespace

PlaneRing::PlaneRing(Plane& plane, Front& answered, uint32_t slots, int number)
    : front(answered), holders(slots, -1), number(number), plane_(plane) {
  front.SetAnswerer(this);
}

PlaneRing::~PlaneRing() { front.SetAnswerer(nullptr); }

bool PlaneRing::Answer(int slot, int outcome, int status, size_t size) {
  return plane_.Answer(*this, slot, outcome, status, size);
}

}  // namespace eas

using eas::PlaneConnection;
using eas::PlaneRing;

eas_plane::~eas_plane() {
  if (epoll_ >= 0) close(epoll_);
}

bool eas_plane::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  // Not make_unique, which would write to all of it: most of the buffer is never used.
  buffer_.reset(new char[kBufferSize]);
  answer_.reset(new char[eas::kMaxHead + eas::kMaxDigits + eas::kEndSize + eas::kMaxAnswer]);
  return epoll_ >= 0;
}

PlaneConnection* eas_plane::Find(int number) {
  const bool exists = number >= 0 && static_cast<size_t>(number) < connections_.size();
  return exists ? connections_[static_cast<size_t>(number)].get() : nullptr;
}

PlaneRing* eas_plane::FindRing(int number) {
  const bool exists = number >= 0 && static_cast<size_t>(number) < rings_.size();
  return exists ? rings_[static_cast<size_t>(number)].get() : nullptr;
}

void eas_plane::Report(int64_t kind, int64_t about, int64_t first, int64_t second, int64_t third) {
  events_.push_back({kind, about, first, second, third});
}

int eas_plane::Add(int fd) {
  auto connection = std::make_unique<PlaneConnection>();
  connection->fd = fd;
  connection->reading = true;
  const int number = free_.empty() ? static_cast<int>(connections_.size()) : free_.back();
  if (!Update(*connection, number)) return -1;
  if (free_.empty()) {
    connections_.push_back(std::move(connection));
  } else {
    free_.pop_back();
    connections_[static_cast<size_t>(number)] = std::move(connection);
  }
  return number;
}

void eas_plane::Remove(int number) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr) return;
  connection->reading = connection->writing = false;
  Update(*connection, number);
  connections_[static_cast<size_t>(number)] = nullptr;
  free_.push_back(number);
}

void eas_plane::Watch(int number, bool reading, bool writing) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr) return;
  connection->reading = reading;
  connection->writing = writing;
  Update(*connection, number);
}

// Has the epoll watch what is wanted. A socket that is not to be watched at all is taken out of it: a
// connection that has broken would be reported all the time.
bool eas_plane::Update(PlaneConnection& connection, int number) {
  const uint32_t wanted = (connection.reading ? EPOLLIN : 0U) | (connection.writing ? EPOLLOUT : 0U);
  if (wanted == connection.interest) return true;
  epoll_event event{};
  event.events = wanted;
  event.data.u32 = static_cast<uint32_t>(number);
  const int change = wanted == 0 ? EPOLL_CTL_DEL : connection.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  connection.interest = wanted;
  return epoll_ctl(epoll_, change, connection.fd, &event) == 0;
}

int eas_plane::Attach(eas_ring& ring) {
  const auto place = std::find(rings_.begin(), rings_.end(), nullptr);
  const int number = static_cast<int>(place - rings_.begin());
  auto attached = std::make_unique<PlaneRing>(*this, *ring.front, ring.layout.ring_size.slots, number);
  if (place == rings_.end()) {
    rings_.push_back(std::move(attached));
  } else {
    *place = std::move(attached);
  }
  return number;
}

void eas_plane::Detach(int ring) {
  if (FindRing(ring) == nullptr) return;
  for (const std::unique_ptr<PlaneConnection>& connection : connections_) {
    if (connection != nullptr && connection->ring == ring) connection->armed = false;
  }
  rings_[static_cast<size_t>(ring)] = nullptr;
}

void eas_plane::Learn(int number, int ring, const char* encoded, size_t size, int64_t body_size,
                      size_t max_body) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr) return;
  connection->armed = false;
  connection->head.Assign(encoded, size, body_size);
  connection->ring = ring;
  connection->max_body = max_body;
}

void eas_plane::Arm(int number, bool armed) {
  PlaneConnection* const connection = Find(number);
  if (connection != nullptr) connection->armed = armed && !connection->head.empty();
}

void eas_plane::SetHead(int status, const char* head, size_t size) {
  if (status >= 0 && status < kStatuses && size <= eas::kMaxHead)
    heads_[static_cast<size_t>(status)].assign(head, size);
}

void eas_plane::ForgetHeads() {
  for (std::string& head : heads_) head.clear();
}

int64_t eas_plane::LastUsed(int number) {
  const PlaneConnection* const connection = Find(number);
  return connection == nullptr
             ? 0
             : std::max(connection->last_used, connection->slot >= 0 ? connection->began : 0);
}

int eas_plane::Take(int64_t* events, int max) {
  const int count = std::min(Pending(), max);
  for (int i = 0; i < count; ++i) {
    std::copy_n(events_[taken_ + static_cast<size_t>(i)].data(), EAS_PLANE_NUMBERS,
                events + EAS_PLANE_NUMBERS * i);
  }
  taken_ += static_cast<size_t>(count);
  if (taken_ == events_.size()) {
    events_.clear();
    taken_ = 0;
  }
  return count;
}

int eas_plane::Turn(int64_t now, int64_t* events, int max) {
  now_ = now;
  if (Pending() > 0) return Take(events, max);  // their bytes are in the buffer
  used_ = 0;
  epoll_event ready[eas::kReady];
  const int count = epoll_wait(epoll_, ready, eas::kReady, 0);
  for (int i = 0; i < count && used_ + eas::kMinReadSize <= kBufferSize; ++i) {
    const int number = static_cast<int>(ready[i].data.u32);
    PlaneConnection* const connection = Find(number);
    if (connection == nullptr) continue;
    const bool broken = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    if (connection->writing && (broken || (ready[i].events & EPOLLOUT) != 0))
      Report(EAS_PLANE_WRITABLE, number);
    if (connection->reading && (broken || (ready[i].events & EPOLLIN) != 0)) Read(*connection, number);
  }
  for (const std::unique_ptr<PlaneRing>& ring : rings_) {
    if (ring == nullptr || !ring->submitted) continue;
    ring->submitted = false;
    Report(EAS_PLANE_SUBMITTED, ring->number);
  }
  return Take(events, max);
}

void eas_plane::Read(PlaneConnection& connection, int number) {
  char* const data = buffer_.get() + used_;
  const ssize_t size = recv(connection.fd, data, std::min(kBufferSize - used_, eas::kReadSize), 0);
  if (size > 0 && SubmitIfKnown(connection, number, data, static_cast<size_t>(size))) return;
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const int error = size < 0 ? errno : 0;
  HandUp(number);
  connection.armed = false;
  if (size > 0) {
    Report(EAS_PLANE_DATA, number, static_cast<int64_t>(used_), size);
    used_ += static_cast<size_t>(size);
    return;
  }
  connection.reading = false;
  if (size < 0) connection.writing = false;
  Update(connection, number);
  Report(size == 0 ? EAS_PLANE_EOF : EAS_PLANE_FAILED, number, error);
}

// Submits the request that `data` is, if it may be answered without Python.
bool eas_plane::SubmitIfKnown(PlaneConnection& connection, int number, const char* data, size_t size) {
  if (!connection.armed) return false;
  size_t body_at = 0;
  if (!connection.head.Matches(data, size, &body_at) || size - body_at > connection.max_body) return false;
  if (!Submit(number, connection.ring, data + body_at, size - body_at)) return false;
  FindRing(connection.ring)->submitted = true;
  return true;
}

bool eas_plane::Submit(int number, int ring, const char* body, size_t size) {
  PlaneConnection* const connection = Find(number);
  PlaneRing* const to = FindRing(ring);
  if (!allowed_ || connection == nullptr || connection->slot >= 0) return false;
  if (to == nullptr || !to->front.HasRoom()) return false;
  const int slot = to->front.Submit(body, size);
  if (slot < 0) return false;
  to->holders[static_cast<size_t>(slot)] = number;
  connection->ring = ring;
  connection->slot = slot;
  connection->body_size = size;
  connection->began = now_;
  return true;
}

void eas_plane::HandUp(int number) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr || connection->slot < 0) return;
  const int slot = connection->slot;
  connection->slot = -1;
  connection->armed = false;
  PlaneRing* const ring = FindRing(connection->ring);
  if (ring != nullptr) ring->holders[static_cast<size_t>(slot)] = -1;
  Report(EAS_PLANE_REQUEST, number, slot, static_cast<int64_t>(connection->body_size), connection->began);
}

void eas_plane::HandUpAll() {
  for (const std::unique_ptr<PlaneRing>& ring : rings_) {
    if (ring == nullptr) continue;
    for (size_t slot = 0; slot < ring->holders.size(); ++slot) HandUp(ring->holders[slot]);
  }
}

bool eas_plane::Answer(PlaneRing& ring, int slot, int outcome, int status, size_t size) {
  const int number = ring.holders[static_cast<size_t>(slot)];
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr) return false;
  const int http = status == 0 ? 200 : status;  // the rule is reply.py's; the others have no head here
  const bool plain = outcome == EAS_RETURNED && size <= eas::kMaxAnswer && http > 0 && http < kStatuses;
  if (!plain || heads_[static_cast<size_t>(http)].empty()) {
    HandUp(number);
    return false;
  }
  ring.holders[static_cast<size_t>(slot)] = -1;
  connection->slot = -1;
  connection->last_used = connection->began;
  const std::string& head = heads_[static_cast<size_t>(http)];
  char* at = answer_.get();
  std::memcpy(at, head.data(), head.size());
  at = std::to_chars(at + head.size(), at + head.size() + eas::kMaxDigits, size).ptr;
  std::memcpy(at, eas::kEndOfHead, eas::kEndSize);
  at += eas::kEndSize;
  if (size > 0) std::memcpy(at, ring.front.Output(slot), size);
  Send(*connection, number, answer_.get(), static_cast<size_t>(at - answer_.get()) + size);
  return true;
}

// Sends what the socket takes. Python sends the rest, or finds out what is wrong.
void eas_plane::Send(PlaneConnection& connection, int number, const char* data, size_t size) {
  const ssize_t sent = send(connection.fd, data, size, MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(size)) return;
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  connection.unsent.assign(data + taken, size - taken);
  connection.armed = false;
  Report(EAS_PLANE_UNSENT, number, reinterpret_cast<int64_t>(connection.unsent.data()),
         static_cast<int64_t>(connection.unsent.size()));
}
