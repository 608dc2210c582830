// The C interface of the data plane (plane.h), as api.h is that of the ring.
//
// All functions are for the front's thread. Connections and rings have numbers; a number that stands for none
// is ignored. What Python has to do is reported by events, each of 5 numbers: a kind, the connection (or
// ring), and three more.
#ifndef EAS_NATIVE_PLANE_API_H_
#define EAS_NATIVE_PLANE_API_H_

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// cdef begin
// The sockets of accepted clients, and the requests among theirs that Python has nothing to do with.
typedef struct eas_plane eas_plane;

#define EAS_PLANE_DATA 0      // connection, offset in eas_plane_buffer, size
#define EAS_PLANE_EOF 1       // connection: its client sends no more; it is not read any more
#define EAS_PLANE_FAILED 2    // connection, errno: it is broken; it is not watched any more
#define EAS_PLANE_WRITABLE 3  // connection: its socket takes more
#define EAS_PLANE_REQUEST 4   // connection, slot, size of the body, time at which it began: take it over
#define EAS_PLANE_UNSENT 5  // connection, address, size: the rest of an answer, valid until no event is left
#define EAS_PLANE_SUBMITTED 6  // ring: requests were submitted; wake a worker, and drain

#define EAS_PLANE_RECEIVED 7  // connection, size: so much of its body has come, and is in its slot

#define EAS_PLANE_NUMBERS 5  // of each event

// The parts of a template.
#define EAS_PART_TEXT 0    // this text
#define EAS_PART_VALUE 1   // any printable text
#define EAS_PART_LENGTH 2  // spaces, and the length of the body
#define EAS_PART_KINDS 3

// Makes a plane; NULL with errno.
eas_plane* eas_plane_new(void);

// Frees it. The sockets are its caller's. The rings must still be mapped. NULL is ignored.
void eas_plane_free(eas_plane* plane);

// The descriptor that is readable while eas_plane_turn has something to do.
int eas_plane_fd(eas_plane* plane);

// Where the bytes of EAS_PLANE_DATA are until the next turn.
char* eas_plane_buffer(eas_plane* plane);
size_t eas_plane_buffer_size(eas_plane* plane);

// Adds the socket `fd`, which does not block and is the caller's, to be read from now on. Returns the
// connection's number, or -1 with errno.
int eas_plane_add(eas_plane* plane, int fd);

// Forgets a connection. Its request, if it has one under way, must have been handed up.
void eas_plane_remove(eas_plane* plane, int connection);

// Whether to read from a connection, and whether to report that its socket takes more.
void eas_plane_watch(eas_plane* plane, int connection, int reading, int writing);

// Has the plane answer requests of `ring` by itself, if they may be (eas_plane_learn). Returns the ring's
// number.
int eas_plane_attach(eas_plane* plane, eas_ring* ring);

// Undoes it. The requests under way must have been handed up.
void eas_plane_detach(eas_plane* plane, int ring);

// The plane takes no more than so many bytes of bodies at a time; further requests are Python's. Without it
// there is no such limit.
void eas_plane_set_allowance(eas_plane* plane, size_t bytes);

// Whether the plane may answer any request by itself. If not, hand up what is under way.
void eas_plane_allow(eas_plane* plane, int allowed);

// Requests of `connection` that match a template go to `ring`. `template_` has parts, each with its kind in
// one byte, its length in four, the lowest first, and its text, and is copied. A template without a part for
// the length is for requests whose body has `body_size` bytes. From the call of eas_plane_arm on. Bodies of
// more than `max_body` bytes are handed to Python.
void eas_plane_learn(eas_plane* plane, int connection, int ring, const char* template_, size_t size,
                     int64_t body_size, size_t max_body);

// The connection is idle, and its next request may be answered without Python, if it matches the template.
// Whatever Python is told of the connection ends that.
void eas_plane_arm(eas_plane* plane, int connection);

// Ends it, too.
void eas_plane_disarm(eas_plane* plane, int connection);

// Submits a request to `ring` whose head Python has judged; its connection is idle and has nothing unsent.
// From then on it is as if the plane had recognised it in this turn: the plane answers it, or hands it up.
// The caller wakes a worker, and drains. 1, or 0 if the request is still Python's.
int eas_plane_submit(eas_plane* plane, int connection, int ring, const char* body, size_t size);

// The answers of a processor that returned this code, which is an HTTP status, begin with `head` before the
// value of Content-Length, and go on with an empty line.
void eas_plane_set_head(eas_plane* plane, int status, const char* head, size_t size);

// Forgets all heads: their Date is old.
void eas_plane_forget_heads(eas_plane* plane);

// Serves what is ready. `now` is any time in microseconds: that of requests that begin in this turn. Writes
// at most `max` events, and returns how many. Those that are left, because there is no room for them, are in
// the next turn or eas_plane_take.
int eas_plane_turn(eas_plane* plane, int64_t now, int64_t* events, int max);

// The next `size` bytes of a connection are the rest of a body: they go straight into the slot of `ring`,
// which is reserved, from `offset` on. No more than these are read by that. Size 0 undoes it; so must whoever
// releases the slot before all have come, and then what comes is reported as data again.
void eas_plane_receive(eas_plane* plane, int connection, int ring, int slot, size_t offset, size_t size);

// Hands up the request of one connection, or all that are under way: each becomes an event.
void eas_plane_hand_up(eas_plane* plane, int connection);
void eas_plane_hand_up_all(eas_plane* plane);

// Takes the events that have come up since the last turn, by answers (eas_front_collect) and by handing up.
// Call it until there are none: only then are the rests of answers freed.
int eas_plane_take(eas_plane* plane, int64_t* events, int max);

// How many these are.
int eas_plane_pending(eas_plane* plane);

// When the last request of the connection began that was answered without Python; 0 if none was.
int64_t eas_plane_last_used(eas_plane* plane, int connection);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_PLANE_API_H_
