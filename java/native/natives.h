// The native methods of the bridge, by which Java reaches the host's native module: its log, and the ring.
#ifndef EAS_JAVA_NATIVES_H_
#define EAS_JAVA_NATIVES_H_

#include <jni.h>

#include "api.h"
#include "batching.h"
#include "parts.h"

// The functions of the native module (native/src/api.h, batching.h and parts.h) that are called here. They are looked up in the
// module that this process has loaded: it must not have the native code twice.
struct NativeModule {
  decltype(&eas_log) log;
  decltype(&eas_ring_get_size) get_size;
  decltype(&eas_slot_input) input;
  decltype(&eas_slot_output) output;
  decltype(&eas_worker_enter) enter;
  decltype(&eas_worker_take) take;
  decltype(&eas_worker_complete) complete;
  decltype(&eas_worker_complete_and_take) complete_and_take;
  decltype(&eas_worker_reply) reply;
  decltype(&eas_worker_raised) raised;
  decltype(&eas_worker_max_batch) max_batch;
  decltype(&eas_worker_open_batches) open_batches;
  decltype(&eas_worker_take_batch) take_batch;
  decltype(&eas_worker_end_batch) end_batch;
  decltype(&eas_worker_report_batch) report_batch;
  decltype(&eas_worker_send_part) send_part;
  decltype(&eas_worker_end_parts) end_parts;
  decltype(&eas_worker_detach) detach;
  decltype(&eas_worker_park) park;
  decltype(&eas_worker_take_parked) take_parked;
  decltype(&eas_worker_is_abandoned) is_abandoned;
  decltype(&eas_worker_events) events;
  decltype(&eas_worker_wait_for_event) wait_for_event;
  decltype(&eas_worker_set_max_in_flight) set_max_in_flight;
};

// What the JVM shares with the host.
struct HostServices {
  int report;  // descriptor for what is known about the end of this process
  eas_ring* ring;
  uint32_t worker;
  NativeModule module;
};

extern HostServices host;

inline constexpr jlong kStopped = -1;  // eas.host.Ring.STOPPED
inline constexpr char kInternalError[] = "internal error of the host; its log has the trace";

// The request that the calling thread took last, and the number of the thread in its worker.
eas_call* current_call();
uint32_t current_thread();

// A call as Java knows it after it was taken: its slot above its sequence.
inline jlong number_of(const eas_call& call) {
  return static_cast<jlong>(call.slot) << 32 | static_cast<jlong>(call.sequence);
}

// JNI's structure has pointers to text that is not constant, which JNI does not change.
inline JNINativeMethod method(const char* name, const char* signature, void* function) {
  return {const_cast<char*>(name), const_cast<char*>(signature), function};
}

// Finds the functions of the module at `path`, which is loaded. Returns whether it has all of them.
bool find_module(const char* path);

// Gives the bridge's classes their native methods. False leaves a pending exception.
bool register_natives(JNIEnv* env, jclass host_log, jclass native_ring);
bool register_part_natives(JNIEnv* env, jclass native_calls);

#endif  // EAS_JAVA_NATIVES_H_
