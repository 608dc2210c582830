// The C interface of the native module, and of the plain library that workers in Python load: the ring
// between the front and its workers, and the cpp processor. build_native.py gives the part between the two
// cdef lines, here and in the headers beside it, to cffi, so that part is plain C: no conditionals, and
// no macros but integer constants. layout.h explains the ring, front.h and worker.h the two sides of it.
//
// Conventions
//  1. A ring has one front (one thread, the only user of eas_front_*) and any number of worker processes with
//     any number of threads (eas_worker_*). All of them may use one mapping, or one mapping per process.
//  2. Any process may be killed at any instruction. After a worker's death the front calls, in this order:
//     eas_front_drain (what it had completed), eas_front_phase for each request in flight, then
//     eas_front_resubmit, eas_front_requeue_solo or eas_front_release for those that the dead worker was
//     running, and eas_front_wake (a wake-up may have died with the worker).
//  3. The numbers that eas_front_* functions return are checked. Whatever a worker has written into the
//     shared memory, no function here reads or writes outside of the mapping, or loops without end.
//  4. `error` receives one line, cut to error_size and always terminated. Pointers must not be NULL unless a
//     comment allows it.
//  5. Text is UTF-8, sizes are in bytes, slots, workers and threads count from 0.
#ifndef EAS_NATIVE_API_H_
#define EAS_NATIVE_API_H_

#include <stddef.h>
#include <stdint.h>

#include "crash_record.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)  // all else is compiled with -fvisibility=hidden

// cdef begin
// One process's mapping of the ring, with private data of this process.
typedef struct eas_ring eas_ring;

// A loaded cpp processor.
typedef struct eas_cpp eas_cpp;

// The size of a ring. Slots are sparse: max_body and max_output reserve addresses, not memory.
typedef struct {
  uint32_t slots;       // 1 .. 65536: the most requests in the host, queued and running
  uint32_t workers;     // 1 .. 4094
  uint32_t threads;     // 1 .. 4095, of each worker
  uint64_t max_body;    // at most 2147483647: the processor's ABI counts in int
  uint64_t max_output;  // at most 2^40
} eas_ring_size;

// One claimed request. Both pointers lead into the slot and are valid until the call is completed.
typedef struct {
  uint32_t slot;
  uint32_t sequence;  // tells this request from the next one in the same slot
  uint64_t input_size;
  const char* input;  // a NUL byte follows the input
  char* output;
  uint64_t output_capacity;  // max_output
} eas_call;

// A thread that answers one request before it takes the next: its numbers, the request that it has, and the
// status that it answers with.
typedef struct {
  eas_ring* ring;
  uint32_t worker;
  uint32_t thread;
  int status;
  eas_call call;
} eas_thread;

#define EAS_CRASH_NONE 0
#define EAS_CRASH_SIGNAL 1
#define EAS_CRASH_EXIT 2                   // exit() was called inside a request
#define EAS_CRASH_EXIT_AT_ONCE 3           // the same for _exit()
#define EAS_CRASH_STANDARD_EXIT_AT_ONCE 4  // for _Exit()
#define EAS_CRASH_QUICK_EXIT 5             // for quick_exit()
#define EAS_CRASH_SANITIZER 6              // a sanitizer has reported an error, and ends the process

// Outcomes of a call
#define EAS_RETURNED 0    // the processor returned: `status` is its return code, the output is in the slot
#define EAS_RAISED 1      // it threw: the message is in the slot; `status` bytes at its end are frames
#define EAS_BAD_OUTPUT 2  // a size or a pointer that cannot be right: an explanation is in the slot
#define EAS_TOO_LARGE 3   // the output is larger than max_output: an explanation is in the slot

// Phases of a slot; layout.h has the transitions
#define EAS_FREE 0
#define EAS_SUBMITTED 1
#define EAS_RUNNING 2
#define EAS_DONE 3
#define EAS_CORRUPT 4  // in flight, but its state word was overwritten: resubmit or release it

// Creates the shared memory of a ring. Returns a descriptor (close-on-exec, sealed against resizing), or -1
// with `error`. The caller owns the descriptor.
// [any thread]
int eas_ring_create(const eas_ring_size* ring_size, char* error, size_t error_size);

// Maps a ring. `completion_fd` is the eventfd that tells the front of completions. Both descriptors are
// duplicated, so that the caller may close its own. NULL with `error` if it is no ring of this version.
// [any thread, any process]
eas_ring* eas_ring_map(int memfd, int completion_fd, char* error, size_t error_size);

// Undoes eas_ring_map. No other call on this mapping may be running or follow. NULL is ignored.
// [any thread]
void eas_ring_unmap(eas_ring* ring);

// The length of the mapping.
// [any thread]
uint64_t eas_ring_bytes(eas_ring* ring);

// The size with which the ring was created.
// [any process, any thread]
void eas_ring_get_size(eas_ring* ring, eas_ring_size* ring_size);

// Where a slot's input and output begin; NULL for a slot that does not exist. The pointers are valid as long
// as the mapping.
// [any thread]
char* eas_slot_input(eas_ring* ring, uint32_t slot);
char* eas_slot_output(eas_ring* ring, uint32_t slot);

// ---- the front ----

// Reserves a slot, copies the body and queues it. Wakes no thread: see eas_front_wake. Returns the slot, or
// -1 when none is free or the body is larger than max_body.
// [front]
int eas_front_submit(eas_ring* ring, const char* body, size_t size);

// The same in steps, for a body that arrives in pieces: reserve; write as often as needed; then publish or
// release. reserve returns -1 when no slot is free; write returns -1, and writes nothing, beyond max_body.
// [front]
int eas_front_reserve(eas_ring* ring);
int eas_front_write(eas_ring* ring, int slot, size_t offset, const char* data, size_t size);
void eas_front_publish(eas_ring* ring, int slot, size_t size);

// Wakes up to `threads` sleeping consumers. Call it once for each iteration of the loop that submitted
// something, not once for each request: a wake-up costs ten times as much as everything else that the ring
// does for a request. Call it every few milliseconds, too, while requests wait (eas_front_waiting): a thread
// that runs quick calls leaves the others asleep, and its next call may be a slow one.
// [front]
void eas_front_wake(eas_ring* ring, int threads);

// Wakes one worker thread if requests wait, unless a thread is awake that will soon look at the queue. It
// relies on hints: call eas_front_wake every few milliseconds, too, while requests wait.
// [front]
void eas_front_wake_one_if_idle(eas_ring* ring);

// How many requests were published and not released since; how many may be, for the plane, which submits no
// more (0 unless this is called); and how many completions were drained so far. [front]
int eas_front_in_flight(eas_ring* ring);
void eas_front_set_capacity(eas_ring* ring, int requests);
uint64_t eas_front_collected(eas_ring* ring);

// How many requests wait for a thread. [front]
int eas_front_waiting(eas_ring* ring);

// Collects at most `max` completions. `out` has room for 4 numbers each: slot, outcome, status, size of the
// output. A slot is reported once; it is the front's until eas_front_release. Returns how many.
// [front]
int eas_front_drain(eas_ring* ring, int64_t* out, int max);

// The same, and copies outputs one behind the other into `copies`, which has `room` bytes, as long as they
// fit. Such a completion has EAS_COPIED added to its outcome, and its slot is free already.
// [front]
int eas_front_collect(eas_ring* ring, int64_t* out, int max, char* copies, size_t room);

#define EAS_COPIED 256

// Asks for a write to the completion eventfd at the next completion or, while many requests wait, when some
// are complete. 1 = the write will come; 0 = so many are complete already, and no write will come: drain
// again. While requests wait, drain every few milliseconds in any case: the last of them may take long.
// [front]
int eas_front_request_notification(eas_ring* ring);

// From here on (1) workers report each completion at once, so the front need not look every few milliseconds
// while only slow calls are under way; or (0) completions may gather again. Drain and request a notification
// after it.
// [front]
void eas_front_notify_immediately(eas_ring* ring, int immediately);

// How long threads of workers look for requests, and the front looks for completions, before they sleep,
// where that pays (busy_poll.h): that many nanoseconds; 0, as at first, for not at all.
// [front; before workers take requests]
void eas_front_busy_poll(eas_ring* ring, uint64_t nanoseconds);

// Cancels a request that waits. 1 = no worker had it, and the slot is free now; 0 = a worker has or had it.
// [front]
int eas_front_cancel(eas_ring* ring, int slot);

// Makes a slot free that is reserved, drained, or in flight on a worker that is dead. Ignores a free slot.
// Spans that held more than 1 MiB give their memory back to the system.
// [front]
void eas_front_release(eas_ring* ring, int slot);

// Gives the memory of all free slots back to the system, for when memory is short. As long as slots keep it,
// their next requests need not fault it in again.
// [front]
void eas_front_trim(eas_ring* ring);

// Queues a request of a dead worker again, at its old place in the order of arrival. If the worker had
// completed it, it does not run again: the next drain reports it. The statistics have it once, from its first
// start.
// [front; the worker that ran it is dead]
void eas_front_resubmit(eas_ring* ring, int slot);

// The same, but only `worker`, which must be in solo mode, may take it. 0, or -1 if it is complete (the next
// drain reports it) or not in flight. Wakes that worker.
// [front; the worker that ran it is dead]
int eas_front_requeue_solo(eas_ring* ring, int slot, int worker);

// The phase of a slot, EAS_FREE .. EAS_CORRUPT (a slot that the front holds, reserved or drained, is
// EAS_FREE); who runs it in *worker and *thread (set for EAS_RUNNING, and the worker that it is kept for, or
// 4095, for EAS_SUBMITTED; both may be NULL). A slot that is EAS_DONE will be in the next drain, even if its
// worker died before it could say so.
// [front]
int eas_front_phase(eas_ring* ring, int slot, uint32_t* worker, uint32_t* thread);

// Before a worker starts: clears its crash record, sets its mode (solo != 0: it takes nothing until
// eas_front_requeue_solo or eas_front_leave_solo) and repairs the queue and the completions from the
// states.
// [front; no process of that number lives]
void eas_front_reset_worker(eas_ring* ring, int worker, int solo);

// Fills the queue again from the states of the slots: the entry of a request that waits may have been
// overwritten. Wakes a thread for each request that it finds.
// [front]
void eas_front_rebuild_queue(eas_ring* ring);

// Ends solo mode: the worker takes from the queue again. [front]
void eas_front_leave_solo(eas_ring* ring, int worker);

// Copies the crash record of a worker, checked. 1 if there is one, else 0. [front; the worker is dead]
int eas_front_crash(eas_ring* ring, int worker, eas_crash* out);

// Adds the function to a frame of a crash record: "path+0xoffset" becomes "function (path+0xoffset)", also
// for functions that the file does not export. 1, or 0 with a copy of the frame in `text` if the file has no
// name for the function. Reads the file, so it may take milliseconds.
// [any thread]
int eas_describe_frame(const char* frame, char* text, size_t text_size);

// ---- the worker ----

// The first call of a thread that takes requests: sets its number for the crash record, and its alternate
// signal stack if eas_crash_install(EAS_SIGNALS_ALL) came before.
// [the thread itself]
void eas_worker_enter(eas_ring* ring, uint32_t worker, uint32_t thread);

// The last call of a thread that entered, and ends or takes no more requests although no stop was asked. The
// requests that it holds may still be completed. It may enter again, also under another number.
// [the thread itself]
void eas_worker_leave(eas_ring* ring, uint32_t worker);

#define EAS_STOPPED 0
#define EAS_TAKEN 1
#define EAS_TIMED_OUT 2
#define EAS_INTERRUPTED 3

// Waits for a request and claims it. EAS_TAKEN = *call is set and must be completed; EAS_STOPPED = a stop was
// asked. A thread may take further requests before it completes the first.
// [the thread that entered]
int eas_worker_take(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call);

// The same for at most `timeout_ms` milliseconds, then EAS_TIMED_OUT; 0 does not wait, a negative number
// means no limit. EAS_INTERRUPTED = this thread has handled a signal meanwhile.
// [the thread that entered]
int eas_worker_take_for(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms);

// Completes a request whose output (`size` bytes) is in the slot already. `thread` is the number that took
// it. Ignored if that thread does not hold it any more, even if it holds the slot's next request; but two
// completions of one request must not run at the same time.
// [any thread of the worker]
void eas_worker_complete(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                         int status, uint64_t size);

// Completes a request as eas_worker_complete does, then waits for the next one as eas_worker_take does. Since
// this thread looks at the queue at once, the front hears of several quick calls together.
// [the thread that entered]
int eas_worker_complete_and_take(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call,
                                 int outcome, int status, uint64_t size);

// Copies `data` into the slot, then completes. An output above max_output becomes EAS_TOO_LARGE and a line in
// the log; an explanation (any outcome but EAS_RETURNED) is cut to fit. `data` may be NULL if size is 0.
// Ignored, with nothing copied, where eas_worker_complete would be.
// [any thread of the worker]
void eas_worker_reply(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                      int status, const char* data, size_t size);

// Completes the request of `thread` with EAS_RETURNED as eas_worker_reply does, then takes the next one as
// eas_worker_complete_and_take does. It has few arguments, since each costs Python as much as the whole call
// costs C.
// [the thread that entered]
int eas_worker_answer_and_take(eas_thread* thread, const char* data, size_t size);

// Completes a request with EAS_RAISED: copies into the slot the `message` for the client and, behind it, the
// `frames` of the processor for those clients who may see them, or no frames if both do not fit. Each frame
// begins with a newline.
// [any thread of the worker]
void eas_worker_raised(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call,
                       const char* message, size_t message_size, const char* frames, size_t frames_size);

// Every take of this mapping, current or later, returns EAS_STOPPED. Requests that run go on.
// [any thread]
void eas_worker_stop(eas_ring* ring);

#define EAS_SIGNALS_ALL 1  // SEGV BUS FPE ILL ABRT SYS TRAP, and exit()
#define EAS_SIGNALS_JVM 2  // ABRT, exit(), and of the others what the JVM, which starts later, cannot handle
#define EAS_SIGNALS_PYTHON 3  // all; last, the handlers of before: those of Python, which write its frames
#define EAS_SIGNALS_KEEP 8    // with one of the others: a stopped copy of the process stays

// Has this process, which is `worker`, record in the ring how it dies. Once, before its threads enter.
// [main thread, before user code is loaded]
void eas_crash_install(eas_ring* ring, uint32_t worker, int signals);

// Sets the descriptor that gets what a JVM prints when it crashes.
// [main thread, before the JVM starts]
void eas_crash_report(int fd);

// Has the runtimes of sanitizers that are loaded write their reports to `fd`, and record their errors.
// [main thread, after eas_crash_install]
void eas_sanitizers_attach(int fd);

// Records that the calling thread now ends this process by _exit(status).
// [any thread]
void eas_crash_exit(int status);

// Has the kernel kill this process when its parent, the process `parent`, ends for any reason; ends it now if
// that has happened already. If this process leads its group, the group dies with it.
// [main thread, first, before there are others]
void eas_die_with_parent(int parent);

// ---- signals ----

// Whether this is the first thread of the process, in which Python handles signals.
// [any thread]
int eas_on_main_thread(void);

// Notes that the handler which `number` has now is the host's (set by Python), and that before the signal had
// its default action or was `ignored`. Each child that this process forks, by whatever code, gets that action
// again, unless C code has set another handler since.
// [main thread]
void eas_signal_take(int number, int ignored);

// In a child that Python has forked: the host handles no signal. [the only thread]
void eas_signal_forget(void);

// Before Python forks on the calling thread, and restores the handlers of the child itself: blocks the
// signals that the host handles, so that none arrives before that is done.
// [any thread]
void eas_signal_block(void);

// After that, in the parent and in the child: unblocks them. To be called by C: a line of Python would be the
// place at which Python handles the signals that have arrived meanwhile. [the same thread]
void eas_signal_unblock(void);

// Restores the handlers that SIGHUP, SIGINT and SIGTERM had before a JVM of this process replaced them, as
// far as the host handles these signals.
// [any thread]
void eas_signal_restore(void);

// Does that ten times a second from now on, on a thread of its own: nothing says when a JVM starts.
// [any thread; once per process, more does nothing]
void eas_signal_keep_restored(void);

// ---- the log ----

// Sets where log records go: a level byte ('D', 'I', 'W', 'E'), the text, and the byte 0x1e. -1: nowhere.
// [any thread, before the others log]
void eas_log_open(int fd);

// Writes one record, whole even if several threads log. Bytes 0x1e in the text become spaces.
// [any thread]
void eas_log(char level, const char* text, size_t size);

// Makes stdout line buffered, so that output which a processor prints into a pipe is not delayed.
// [main thread, before user code prints]
void eas_stdout_line_buffered(void);

// ---- the cpp processor ----

// Loads a shared object and finds its `initialize` and `process`. NULL with `error`: the loader's own text,
// or "missing symbol: NAME".
// [main thread]
eas_cpp* eas_cpp_open(const char* path, char* error, size_t error_size);

// Calls the processor's initialize. 0 = it returned, *state is its result; 1 = it threw, `error` says what.
// [main thread]
int eas_cpp_initialize(eas_cpp* cpp, const char* model_entry, const char* model_config, int* state,
                       char* error, size_t error_size);

// Starts `threads` threads (numbers 0 .. threads-1), which take requests, call process and complete them
// until eas_worker_stop.
// [main thread, after initialize succeeded]
void eas_cpp_start(eas_cpp* cpp, eas_ring* ring, uint32_t worker, uint32_t threads);

// Waits for the threads to end and frees *cpp. The shared object stays loaded: a processor's own threads may
// still run in it.
// [main thread, after eas_worker_stop]
void eas_cpp_join(eas_cpp* cpp);
// cdef end

#pragma GCC visibility pop
#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // EAS_NATIVE_API_H_
