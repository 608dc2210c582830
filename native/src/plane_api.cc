// The C functions of plane_api.h: they check nothing but what the plane does not, and forward to it.
#include "plane_api.h"

#include "plane.h"
#include "ring.h"

eas_plane* eas_plane_new(void) {
  auto plane = std::make_unique<eas_plane>();
  return plane->Open() ? plane.release() : nullptr;
}

void eas_plane_free(eas_plane* plane) { delete plane; }

int eas_plane_fd(eas_plane* plane) { return plane->fd(); }

char* eas_plane_buffer(eas_plane* plane) { return plane->buffer(); }

size_t eas_plane_buffer_size(eas_plane*) { return eas_plane::kBufferSize; }

int eas_plane_add(eas_plane* plane, int fd) { return plane->Add(fd); }

void eas_plane_remove(eas_plane* plane, int connection) { plane->Remove(connection); }

void eas_plane_watch(eas_plane* plane, int connection, int reading, int writing) {
  plane->Watch(connection, reading != 0, writing != 0);
}

int eas_plane_attach(eas_plane* plane, eas_ring* ring) { return plane->Attach(*ring); }

void eas_plane_detach(eas_plane* plane, int ring) { plane->Detach(ring); }

void eas_plane_set_allowance(eas_plane* plane, size_t bytes) { plane->SetAllowance(bytes); }

void eas_plane_allow(eas_plane* plane, int allowed) { plane->Allow(allowed != 0); }

void eas_plane_learn(eas_plane* plane, int connection, int ring, const char* template_, size_t size,
                     int64_t body_size, size_t max_body) {
  plane->Learn(connection, ring, template_, size, body_size, max_body);
}

void eas_plane_arm(eas_plane* plane, int connection) { plane->Arm(connection, true); }

void eas_plane_disarm(eas_plane* plane, int connection) { plane->Arm(connection, false); }

int eas_plane_submit(eas_plane* plane, int connection, int ring, const char* body, size_t size) {
  return plane->Submit(connection, ring, body, size) ? 1 : 0;
}

void eas_plane_set_head(eas_plane* plane, int status, const char* head, size_t size) {
  plane->SetHead(status, head, size);
}

void eas_plane_forget_heads(eas_plane* plane) { plane->ForgetHeads(); }

int eas_plane_turn(eas_plane* plane, int64_t now, int64_t* events, int max) {
  return plane->Turn(now, events, max);
}

void eas_plane_receive(eas_plane* plane, int connection, int ring, int slot, size_t offset, size_t size) {
  plane->Receive(connection, {ring, slot, offset, size});
}

void eas_plane_hand_up(eas_plane* plane, int connection) { plane->HandUp(connection); }

void eas_plane_hand_up_all(eas_plane* plane) { plane->HandUpAll(); }

int eas_plane_take(eas_plane* plane, int64_t* events, int max) { return plane->Take(events, max); }

int eas_plane_pending(eas_plane* plane) { return plane->Pending(); }

int64_t eas_plane_last_used(eas_plane* plane, int connection) { return plane->LastUsed(connection); }
