// What the crash handler of a worker records for the front: crash.cc writes it, and the front reads it when
// the worker is dead. A part of the C interface (api.h).
#ifndef EAS_NATIVE_CRASH_RECORD_H_
#define EAS_NATIVE_CRASH_RECORD_H_

#include <stdint.h>

// cdef begin
#define EAS_FRAMES 48       // frames kept of a crash
#define EAS_FRAME_TEXT 512  // bytes of one frame's text, with the final NUL

#define EAS_FAULT_OTHER 0
#define EAS_FAULT_STACK_OVERFLOW 1  // the stack could not grow to the address
#define EAS_FAULT_RETURN 2          // a function was to return to where no code is
#define EAS_FAULT_JUMP 3            // code was to be executed where there is none
#define EAS_FAULT_READ_ONLY 4       // a write to memory that is there, but must not be written

#define EAS_NO_THREAD 0xFFFFFFFFu

typedef struct {
  int32_t kind;    // one of EAS_CRASH_*
  int32_t signal;  // the signal, SIGKILL if the process sent it to itself; 0 for exit() and its like
  int32_t code;    // si_code, or the status given to exit() or its like
  // The request of the thread that died; -1: it ran none or several, or the signal came from outside.
  int32_t slot;
  uint32_t sequence;    // of that slot, when it was claimed
  uint32_t thread;      // that ran it; with slot -1, that ran several as one batch, or EAS_NO_THREAD
  uint64_t address;     // si_addr
  int32_t fault;        // one of EAS_FAULT_*, what is known of a SIGSEGV
  uint64_t input_size;  // of the request in `slot`
  uint64_t output;      // the thread was reading or freeing this output of the processor's; 0: it was not
  int32_t by_done;      // not 0: that output is one that `done` was given, and is only read
  uint32_t frame_count;
  uint64_t pc[48];      // innermost first; a caller's pc lies inside its call instruction
  char frame[48][512];  // "path+0xoffset", "" where no file is mapped
  // The type, mangled until the front reads it, of the exception that the thread was handling when it called
  // abort; "" none.
  char exception[200];
  char message[400];  // what() of that exception, or what the C library has said
} eas_crash;
// cdef end

#endif  // EAS_NATIVE_CRASH_RECORD_H_
