#include "plane.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>

#include "ring.h"

namespace eas {
namespace {

constexpr int kReady = 128;  // sockets served in a turn, so that one turn does not take long

// Enough for one read to empty what a socket usually has, and for a few large ones in a turn. It decides
// which bodies are received into their slots: those that do not come with their heads in one read. Measured:
// to divide a body of 32 KiB costs 30 us, for the calls of Python in between; to copy it costs 4.
constexpr size_t kReadSize = 256 * 1024;

// Of a client whose last body was received into its slot: the less comes with the head, the less is copied.
constexpr size_t kHeadReadSize = 16 * 1024;
constexpr size_t kMinReadSize = 64 * 1024;

// What a read of a body takes at most, and after how much of them a turn ends: some 100 us, and a
// millisecond.
constexpr size_t kBodyReadSize = 1024 * 1024;
constexpr size_t kMaxReceived = 8 * kBodyReadSize;

// As LARGE_ANSWER in dispatch/limits.py: for a larger one Python makes room, if its client reads slowly.
constexpr size_t kMaxAnswer = 1024 * 1024;
constexpr size_t kMaxCopied = 16 * 1024;     // an answer of more bytes is sent from its slot
constexpr size_t kMaxAnswerHead = 8 * 1024;  // of an answer
constexpr size_t kLengthDigits = 20;         // of a length
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

using eas::PlaneBody;
using eas::PlaneConnection;
using eas::PlaneRing;

eas_plane::~eas_plane() {
  if (epoll_ >= 0) close(epoll_);
}

bool eas_plane::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  // Not make_unique, which would write to all of it: most of the buffer is never used.
  buffer_.reset(new char[kBufferSize]);
  answer_.reset(new char[eas::kMaxAnswerHead + eas::kLengthDigits + eas::kEndSize + eas::kMaxCopied]);
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
    if (connection != nullptr && connection->body.ring == ring) connection->body.left = 0;
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
  if (status >= 0 && status < kStatuses && size <= eas::kMaxAnswerHead)
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
  if (Pending() == 0) unsent_.clear();
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
  used_ = received_ = 0;
  epoll_event ready[eas::kReady];
  const int count = epoll_wait(epoll_, ready, eas::kReady, 0);
  for (int i = 0; i < count; ++i) {
    if (used_ + eas::kMinReadSize > kBufferSize || received_ >= eas::kMaxReceived) break;
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
  size_t limit = std::min(kBufferSize - used_, connection.large ? eas::kHeadReadSize : eas::kReadSize);
  char* const room = BodyRoom(connection, &limit);
  char* const data = room != nullptr ? room : buffer_.get() + used_;
  const ssize_t size = recv(connection.fd, data, limit, 0);
  if (size > 0 && room != nullptr) {
    connection.body.at += static_cast<size_t>(size);
    connection.body.left -= static_cast<size_t>(size);
    received_ += static_cast<size_t>(size);
    return Report(EAS_PLANE_RECEIVED, number, size);
  }
  connection.large = false;
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

void eas_plane::Receive(int number, const PlaneBody& body) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr) return;
  connection->body = body;
  if (body.left > 0) connection->large = true;
}

// Where the body of `connection` goes on in its slot, and how much of it one read takes; nullptr without one.
char* eas_plane::BodyRoom(PlaneConnection& connection, size_t* size) {
  const PlaneBody& body = connection.body;
  PlaneRing* const ring = body.left > 0 ? FindRing(body.ring) : nullptr;
  if (ring == nullptr) return nullptr;
  const size_t most = std::min(body.left, eas::kBodyReadSize);
  char* const room = ring->front.Room(body.slot, body.at, most);
  if (room != nullptr) *size = most;
  return room;
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
  if (to == nullptr || !to->front.HasRoom() || size > allowance_ - under_way_) return false;
  const int slot = to->front.Submit(body, size);
  if (slot < 0) return false;
  to->holders[static_cast<size_t>(slot)] = number;
  connection->ring = ring;
  connection->slot = slot;
  connection->body_size = size;
  under_way_ += size;
  connection->began = now_;
  return true;
}

void eas_plane::HandUp(int number) {
  PlaneConnection* const connection = Find(number);
  if (connection == nullptr || connection->slot < 0) return;
  const int slot = connection->slot;
  connection->slot = -1;
  under_way_ -= connection->body_size;
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
  under_way_ -= connection->body_size;
  connection->last_used = connection->began;
  const std::string& head = heads_[static_cast<size_t>(http)];
  char* at = answer_.get();
  std::memcpy(at, head.data(), head.size());
  at = std::to_chars(at + head.size(), at + head.size() + eas::kLengthDigits, size).ptr;
  std::memcpy(at, eas::kEndOfHead, eas::kEndSize);
  at += eas::kEndSize;
  const char* const output = ring.front.Output(slot);
  const bool copied = size <= eas::kMaxCopied;
  if (copied) at = std::copy_n(output, size, at);
  const iovec answer[] = {{answer_.get(), static_cast<size_t>(at - answer_.get())},
                          {const_cast<char*>(output), size}};
  Send(*connection, number, answer, copied ? 1 : 2);
  return true;
}

// Keeps what comes after the first `sent` bytes of `pieces`. False: there is no memory for it.
bool eas_plane::Keep(const iovec* pieces, size_t count, size_t sent) {
  try {
    std::string rest;
    for (size_t i = 0; i < count; ++i) {
      const size_t whole = std::min(sent, pieces[i].iov_len);
      rest.append(static_cast<const char*>(pieces[i].iov_base) + whole, pieces[i].iov_len - whole);
      sent -= whole;
    }
    unsent_.push_back(std::move(rest));
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

// Sends what the socket takes. Python sends the rest, or finds out what is wrong.
void eas_plane::Send(PlaneConnection& connection, int number, const iovec* pieces, size_t count) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  const ssize_t sent = count == 1 ? send(connection.fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
                                  : sendmsg(connection.fd, &message, MSG_NOSIGNAL);
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
  if (taken == size) return;
  connection.armed = false;
  if (!Keep(pieces, count, taken)) {
    connection.reading = connection.writing = false;
    Update(connection, number);
    return Report(EAS_PLANE_FAILED, number, ENOMEM);
  }
  Report(EAS_PLANE_UNSENT, number, reinterpret_cast<int64_t>(unsent_.back().data()),
         static_cast<int64_t>(unsent_.back().size()));
}
