// The native methods of the bridge, by which Java reaches the host's native module: its log, and the ring.
#ifndef EAS_JAVA_NATIVES_H_
#define EAS_JAVA_NATIVES_H_

#include <jni.h>

#include "api.h"
#include "batching.h"

// The functions of the native module (native/src/api.h and batching.h) that are called here. They are looked up in the
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
};

// What the JVM shares with the host.
struct HostServices {
  int report;  // descriptor for what is known about the end of this process
  eas_ring* ring;
  uint32_t worker;
  NativeModule module;
};

extern HostServices host;

// Finds the functions of the module at `path`, which is loaded. Returns whether it has all of them.
bool find_module(const char* path);

// Gives the bridge's classes their native methods. False leaves a pending exception.
bool register_natives(JNIEnv* env, jclass host_log, jclass native_ring);

#endif  // EAS_JAVA_NATIVES_H_
