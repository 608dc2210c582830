// The C face of the native part: the ring between the front and its workers, and the cpp processor.
//
// This is the only header that Python sees. build_native.py cuts the part between the two cdef lines and
// gives it to cffi, so it is plain C: no conditionals, no macros but integer constants. The functions only
// forward to the C++ of this folder; the theory of the ring is in layout.h, of the front's side in front.h,
// of the worker's side in worker.h.
//
// Conventions
//  1. A ring has one front (one thread, the only user of eas_front_*) and any number of worker processes with
//     any number of threads (eas_worker_*). All of them may use one mapping, or one mapping per process.
//  2. Any process may be killed at any instruction. After a worker's death the front calls, in this order:
//     eas_front_drain (what it had completed), eas_front_phase for each request in flight, then
//     eas_front_resubmit, eas_front_requeue_solo or eas_front_release for those that the dead worker was
//     running, and eas_front_bell (a wake-up may have died with the worker).
//  3. Numbers that the front returns are checked: whatever a wild worker wrote into the shared memory, no
//     function here reads or writes outside of the mapping, or loops without end.
//  4. `error` receives one line, cut to error_size and always terminated. Pointers must not be NULL unless
//     said.
//  5. Text is UTF-8, sizes are in bytes, slots, workers and threads count from 0.
#ifndef EAS_NATIVE_API_H_
#define EAS_NATIVE_API_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// cdef begin
#define EAS_FRAMES 32       // frames kept of a crash
#define EAS_FRAME_TEXT 200  // bytes of one frame's text, with the final NUL

// One process's mapping of the ring, with this process's private bookkeeping.
typedef struct eas_ring eas_ring;

// A loaded cpp processor.
typedef struct eas_cpp eas_cpp;

// What a ring is made for. Slots are sparse: max_body and max_output reserve addresses, not memory.
typedef struct {
  uint32_t slots;       // 1 .. 65536: the most requests in the host, queued and running
  uint32_t workers;     // 1 .. 4094
  uint32_t threads;     // 1 .. 4095, of each worker
  uint64_t max_body;    // at most 2147483647: the processor's ABI counts in int
  uint64_t max_output;  // at most 2^40
} eas_shape;

// One claimed request. Both pointers lead into the slot and live until the call is completed.
typedef struct {
  uint32_t slot;
  uint32_t sequence;  // which life of the slot: it tells this request from the slot's next one
  uint64_t input_size;
  const char* input;  // a NUL byte follows the input
  char* output;
  uint64_t output_capacity;  // max_output
} eas_call;

// What a dying worker left behind.
typedef struct {
  int32_t kind;       // one of EAS_CRASH_*
  int32_t signal;     // the signal; 0 for EAS_CRASH_EXIT
  int32_t code;       // si_code, or the status given to exit()
  int32_t slot;       // the request of the thread that died; -1: it ran none or several, or the signal came
                      // from outside
  uint32_t sequence;  // of that slot, when it was claimed
  uint32_t thread;
  uint64_t address;  // si_addr
  uint32_t frame_count;
  uint64_t pc[32];      // innermost first; a caller's pc lies inside its call instruction
  char frame[32][200];  // "path+0xoffset", "" where no file is mapped
} eas_crash;

// What was counted of the requests that processors answered, since the front mapped the ring. A request that
// was cancelled, released before it was drained, or uncounted, is in bytes_in only.
typedef struct {
  uint64_t latency[15];          // requests by the time until they were drained; see eas_latency_bounds
  uint64_t latency_nanoseconds;  // the sum of these times
  uint64_t returned[1000];       // requests that returned, by status
  uint64_t returned_other;       // with a status outside of 0 .. 999
  uint64_t raised;
  uint64_t bad;        // bad output, or too large
  uint64_t bytes_in;   // of all bodies submitted or published
  uint64_t bytes_out;  // of the outputs of those counted, explanations included
} eas_stats;

// The longest time of each bucket in nanoseconds; the last bucket has none.
extern const uint64_t eas_latency_bounds[14];

#define EAS_CRASH_NONE 0
#define EAS_CRASH_SIGNAL 1
#define EAS_CRASH_EXIT 2  // exit() was called inside a request

// Outcomes of a call
#define EAS_RETURNED 0    // the processor returned: `status` is its return code, the output is in the slot
#define EAS_RAISED 1      // it threw: the message is in the slot
#define EAS_BAD_OUTPUT 2  // negative size, or NULL with a size: an explanation is in the slot
#define EAS_TOO_LARGE 3   // the output is larger than max_output: an explanation is in the slot

// Phases of a slot
#define EAS_FREE 0
#define EAS_SUBMITTED 1
#define EAS_RUNNING 2
#define EAS_DONE 3
#define EAS_DAMAGED 4  // in flight, but a wild worker spoilt its state word: resubmit or release it

// ---- creating and mapping ----

// Makes the shared memory of a ring. Returns a descriptor (close-on-exec, sealed against resizing), or -1
// with `error`. The caller owns the descriptor.
// [any thread]
int eas_ring_create(const eas_shape* shape, char* error, size_t error_size);

// Maps a ring. `completion_fd` is the eventfd that tells the front of completions. Both descriptors are
// duplicated, so that the caller may close its own. NULL with `error` if it is not a ring, or not of this
// version.
// [any thread, any process]
eas_ring* eas_ring_map(int memfd, int completion_fd, char* error, size_t error_size);

// Undoes eas_ring_map. No other call on this mapping may be running or follow. NULL is ignored.
// [any thread]
void eas_ring_unmap(eas_ring* ring);

// The length of the mapping.
// [any thread]
uint64_t eas_ring_bytes(eas_ring* ring);

// The shape that the ring was created with.
// [any process, any thread]
void eas_ring_shape(eas_ring* ring, eas_shape* shape);

// Where a slot's input and output begin; NULL for a slot that does not exist. They live as long as the
// mapping.
// [any thread]
char* eas_slot_input(eas_ring* ring, uint32_t slot);
char* eas_slot_output(eas_ring* ring, uint32_t slot);

// ---- the front ----

// Reserves a slot, copies the body and queues it. Wakes nobody: see eas_front_bell. The slot, or -1 when none
// is free or the body is larger than max_body.
// [front]
int eas_front_submit(eas_ring* ring, const char* body, size_t size);

// The same in steps, for a body that arrives in pieces: reserve; write as often as needed; publish, or
// release. reserve returns -1 when no slot is free; write returns -1, and writes nothing, outside of the
// slot's max_body.
// [front]
int eas_front_reserve(eas_ring* ring);
int eas_front_write(eas_ring* ring, int slot, size_t offset, const char* data, size_t size);
void eas_front_publish(eas_ring* ring, int slot, size_t size);

// Wakes up to `threads` sleeping consumers. Call it once per loop iteration that submitted something, not
// once per request: a wake-up costs ten times more than all the rest of a request's way through the ring.
// Call it too, every few milliseconds, while requests wait (eas_front_waiting): a thread that drains quick
// calls alone leaves the others asleep, and its next call may be a slow one.
// [front]
void eas_front_bell(eas_ring* ring, int threads);

// Wakes one worker thread for what waits, unless a thread is awake that will look at the queue soon. It goes
// by hints: while something waits, ring the bell for it every few milliseconds all the same.
// [front thread]
void eas_front_nudge(eas_ring* ring);

// How many requests wait for a thread.
// [front]
int eas_front_waiting(eas_ring* ring);

// Collects at most `max` completions. `out` has room for 4 numbers each: slot, outcome, status, size of the
// output. A slot is reported once; it is the front's until eas_front_release. Returns how many.
// [front]
int eas_front_drain(eas_ring* ring, int64_t* out, int max);

// The same, and copies the outputs that fit one behind the other into `copies`, which has `room` bytes. Such
// a completion has EAS_COPIED added to its outcome, and its slot is released already.
// [front thread]
int eas_front_collect(eas_ring* ring, int64_t* out, int max, char* copies, size_t room);

#define EAS_COPIED 256

// Asks for a write to the completion eventfd at the next completion or, while many requests wait, when some
// are complete. 1 = armed; 0 = they are already and nothing is armed: drain again. Who is armed while
// requests wait must drain every few milliseconds all the same: the last of them may take long.
// [front]
int eas_front_arm(eas_ring* ring);

// From here on (1) every completion is told of by itself and at once, so the front need not look every few
// milliseconds while nothing but slow calls is under way; or (0) they may gather again. Drain and arm after
// it.
// [front]
void eas_front_rest(eas_ring* ring, int resting);

// Takes back a request that waits. 1 = no worker had it, and the slot is free now; 0 = a worker has or had
// it.
// [front]
int eas_front_cancel(eas_ring* ring, int slot);

// Gives a slot back: reserved, drained, or in flight on a worker that is dead. Nothing for a free slot. Spans
// that held more than 1 MiB give their memory back to the system.
// [front]
void eas_front_release(eas_ring* ring, int slot);

// Gives the memory of all free slots back to the system, for when it is short: what is kept there spares the
// next requests the time to have it again.
// [front]
void eas_front_trim(eas_ring* ring);

// A request in flight began that much earlier than it was published: its upload took time, or it waited
// behind another.
// [front]
void eas_front_backdate(eas_ring* ring, int slot, int64_t nanoseconds);

// Nobody waits for a request in flight any more: its completion is not to be counted.
// [front]
void eas_front_uncount(eas_ring* ring, int slot);

// Copies what was counted so far.
// [front]
void eas_front_stats(eas_ring* ring, eas_stats* out);

// How many completions of a worker were drained since the ring was made, by whichever of its processes.
// [front]
uint64_t eas_front_completed(eas_ring* ring, int worker);

// Queues a request of a dead worker again, at its old place in the order of arrival. If the worker had
// completed it nothing is run again: the next drain reports it. It is counted once, from its first begin.
// [front; the worker that ran it is dead]
void eas_front_resubmit(eas_ring* ring, int slot);

// The same, but only `worker`, which must be in solo mode, may take it. 0, or -1 if it is complete (the next
// drain reports it) or not in flight. Wakes that worker.
// [front; the worker that ran it is dead]
int eas_front_requeue_solo(eas_ring* ring, int slot, int worker);

// The phase of a slot, EAS_FREE .. EAS_DAMAGED (a slot that the front holds, reserved or drained, is
// EAS_FREE); who runs it in *worker and *thread (set for EAS_RUNNING, and the worker that it is kept for, or
// 4095, for EAS_SUBMITTED; both may be NULL). A slot that is EAS_DONE will be in the next drain, even if its
// worker died before it could say so.
// [front]
int eas_front_phase(eas_ring* ring, int slot, uint32_t* worker, uint32_t* thread);

// Before a worker starts: clears its crash record, sets its mode (solo != 0: it takes nothing until
// eas_front_requeue_solo or eas_front_worker_normal) and repairs the queue and the completions from the
// states.
// [front; no process of that number lives]
void eas_front_worker_reset(eas_ring* ring, int worker, int solo);

// Makes the queue whole again from the states: a wild worker may have overwritten the entry of a request that
// waits. Wakes threads for what it finds.
// [front]
void eas_front_mend(eas_ring* ring);

// Ends solo mode: the worker takes from the queue.
// [front]
void eas_front_worker_normal(eas_ring* ring, int worker);

// Copies the crash record of a worker, checked. 1 if there is one, else 0.
// [front; the worker is dead]
int eas_front_crash(eas_ring* ring, int worker, eas_crash* out);

// Makes a frame of a crash record readable: "path+0xoffset" becomes "function (path+0xoffset)", also for
// functions that the file does not export. 1, or 0 with `text` a copy of the frame if the file does not know
// the function. Reads the file, so it may take milliseconds.
// [any thread]
int eas_describe_frame(const char* frame, char* text, size_t text_size);

// ---- the worker ----

// The first call of a thread that takes requests: its identity for the crash record, and its alternate signal
// stack if eas_crash_install(EAS_SIGNALS_ALL) came before.
// [the thread itself]
void eas_worker_enter(eas_ring* ring, uint32_t worker, uint32_t thread);

// The last call of a thread that entered and ends, or takes nothing more, without having been told to stop.
// What it holds may still be completed. It may enter again, also under another number.
// [the thread itself]
void eas_worker_leave(eas_ring* ring, uint32_t worker);

#define EAS_STOPPED 0
#define EAS_TAKEN 1
#define EAS_TIMED_OUT 2
#define EAS_INTERRUPTED 3

// Waits for a request and claims it. EAS_TAKEN = *call is filled and must be completed; EAS_STOPPED = stop
// was asked. A thread may take further requests before it completes the first.
// [the thread that entered]
int eas_worker_take(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call);

// The same for at most `timeout_ms` milliseconds, then EAS_TIMED_OUT; 0 only looks, a negative number is no
// limit. EAS_INTERRUPTED = this thread has handled a signal meanwhile.
// [the thread that entered]
int eas_worker_take_for(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms);

// Completes a request whose output (`size` bytes) is in the slot already. `thread` is the number that took
// it. Ignored if that thread does not hold it any more, even if it holds the slot's next request; but two
// completions of one request must not run at the same time.
// [any thread of the worker]
void eas_worker_complete(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                         int status, uint64_t size);

// Copies `data` into the slot, then completes. An output above max_output becomes EAS_TOO_LARGE and a line in
// the log; an explanation (any outcome but EAS_RETURNED) is cut to fit. `data` may be NULL if size is 0.
// Ignored, and nothing copied, as eas_worker_complete.
// [any thread of the worker]
void eas_worker_reply(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                      int status, const char* data, size_t size);

// Every take of this mapping, running or later, returns 0. Requests that run go on.
// [any thread]
void eas_worker_stop(eas_ring* ring);

#define EAS_SIGNALS_NONE 0   // nothing
#define EAS_SIGNALS_ALL 1    // SEGV BUS FPE ILL ABRT SYS TRAP, and exit()
#define EAS_SIGNALS_ABORT 2  // only ABRT and exit(): for a JVM, which owns the others

// Records how this process dies in the ring, as `worker`. Once per process, before the threads enter and
// before user code is loaded.
// [main thread]
void eas_crash_install(eas_ring* ring, uint32_t worker, int signals);

// Has the kernel kill this process when the process `parent`, its parent, dies in whatever way; ends it now
// if that has happened already. If this process leads its group, the group dies with it.
// [main thread, first, before there are others]
void eas_die_with_parent(int parent);

// ---- signals ----

// The handler that `number` has now is the host's own, Python's; before it had the default action, or was
// `ignored`. That is what a child has again that this process forks in whatever way, unless C code has set
// another handler since.
// [main thread]
void eas_signal_take(int number, int ignored);

// In a child that Python has forked: nothing is taken.
// [the only thread]
void eas_signal_forget(void);

// Before the calling thread forks by Python, which puts the handlers of the child in order itself: blocks the
// signals that are taken, so that none comes before that is done.
// [any thread]
void eas_signal_hold(void);

// After that, in the parent and in the child: unblocks them. To be called by C, not from a line of Python:
// that line would be where Python handles what has come meanwhile.
// [the same thread]
void eas_signal_release(void);

// Gives SIGHUP, SIGINT and SIGTERM, as far as they were taken and a JVM of this process has taken them since,
// back to whoever had them before the JVM.
// [any thread]
void eas_signal_restore(void);

// Does that from now on, some times a second, on a thread of its own: nobody tells when a JVM has come.
// [any thread; once per process, more does nothing]
void eas_signal_guard(void);

// ---- the log ----

// Where log records go: a level byte ('D', 'I', 'W', 'E'), the text, and the byte 0x1e. -1: nowhere. The
// descriptor stays the caller's.
// [any thread, before the others log]
void eas_log_open(int fd);

// Writes one record, whole, also when several threads log. Bytes 0x1e in the text become spaces.
// [any thread]
void eas_log(char level, const char* text, size_t size);

// Makes stdout line buffered, so that a pipe does not keep back what a processor printed.
// [main thread, before user code prints]
void eas_stdout_line_buffered(void);

// ---- the cpp processor ----

// Loads a shared object and finds its `initialize` and `process`. NULL with `error`: the loader's own text,
// or "missing symbol: NAME".
// [main thread]
eas_cpp* eas_cpp_open(const char* path, char* error, size_t error_size);

// Calls the processor's initialize. 0 = it returned, and *state is its verdict; 1 = it threw, `error` has
// "type: message" and the log the trace.
// [main thread]
int eas_cpp_initialize(eas_cpp* cpp, const char* model_entry, const char* model_config, int* state,
                       char* error, size_t error_size);

// Starts `threads` threads (numbers 0 .. threads-1) that take, call and complete until eas_worker_stop.
// [main thread, after a good initialize]
void eas_cpp_start(eas_cpp* cpp, eas_ring* ring, uint32_t worker, uint32_t threads);

// Waits for the threads to end and frees *cpp. The shared object stays loaded: a processor's own threads may
// still run in it.
// [main thread, after eas_worker_stop]
void eas_cpp_join(eas_cpp* cpp);
// cdef end

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_API_H_
