// A worker thread of the bridge has one request at a time, or one batch, so what the ring needs to know of it between
// two calls is in a variable of the thread. Java sees a slot and a size.

#include "natives.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"

HostServices host = {STDERR_FILENO, nullptr, 0, {}};

namespace {

constexpr jlong kResumed = 1LL << 62;    // eas.host.Ring.RESUMED
constexpr jint kNone = 0;                // eas.host.BatchRing.NONE
constexpr jint kAlone = -1;              // eas.host.BatchRing.ALONE
constexpr jlong kMaxBuffer = INT32_MAX;  // of Java. No output is larger: outputs are arrays.

struct WorkerThread {
  uint32_t number;
  eas_call call;  // its request, or the one of its batch that it answers by itself

  // Where there are batches: the one that it has, and what Java sees of it and writes: of each request the slot and
  // the size, and the size of its output.
  eas_batch batch;
  jlong* requests;
  jlong* written;
};

__thread WorkerThread current;

eas_batches* batches = nullptr;  // what the threads share that take batches

jlong describe(const eas_call& call) {
  return static_cast<jlong>(call.slot) << 32 | static_cast<jlong>(call.input_size);
}

jlong next(int taken) {
  if (taken == EAS_TAKEN) return describe(current.call);
  return taken == EAS_RESUMED ? kResumed | number_of(current.call) : kStopped;
}

// Completes a request whose output of `written` bytes is in its slot, unless that has less room.
void complete_written(const eas_call& call, jlong written) {
  const auto size = static_cast<uint64_t>(written);
  if (size <= call.output_capacity) {
    host.module.complete(host.ring, host.worker, current.number, &call, EAS_RETURNED, 0, size);
  } else {
    host.module.reply(host.ring, host.worker, current.number, &call, EAS_RETURNED, 0, nullptr, size);
  }
}

// ---- eas.host.HostLog ----

void JNICALL write_log(JNIEnv* env, jclass, jbyte level, jbyteArray array) {
  const Bytes text(env, array);
  if (text.data() != nullptr) host.module.log(static_cast<char>(level), text.data(), text.size());
}

// ---- eas.host.NativeRing ----

void JNICALL enter(JNIEnv*, jobject, jint number) {
  current.number = static_cast<uint32_t>(number);
  host.module.enter(host.ring, host.worker, current.number);
}

jlong JNICALL take(JNIEnv*, jobject) {
  return next(host.module.take(host.ring, host.worker, current.number, &current.call));
}

jlong JNICALL complete_and_take(JNIEnv*, jobject, jint written) {
  const auto size = static_cast<uint64_t>(written);
  if (size <= current.call.output_capacity) {
    return next(host.module.complete_and_take(host.ring, host.worker, current.number, &current.call,
                                              EAS_RETURNED, 0, size));
  }
  complete_written(current.call, written);
  return take(nullptr, nullptr);
}

void JNICALL complete_thrown(JNIEnv* env, jclass, jbyteArray message_array, jbyteArray frames_array) {
  const Bytes message(env, message_array);
  const Bytes frames(env, frames_array);
  host.module.raised(host.ring, host.worker, current.number, &current.call, message.data(), message.size(),
                     frames.data(), frames.size());
}

void JNICALL complete_failed(JNIEnv*, jobject) {
  host.module.reply(host.ring, host.worker, current.number, &current.call, EAS_BAD_OUTPUT, 0, kInternalError,
                    sizeof(kInternalError) - 1);
}

// ---- eas.host.NativeRing, of batches ----

jint JNICALL max_batch(JNIEnv*, jobject) { return static_cast<jint>(host.module.max_batch(host.ring)); }

void JNICALL open_batches(JNIEnv*, jobject, jint size) {
  batches = host.module.open_batches(host.ring, host.worker, static_cast<uint32_t>(size));
}

jobject JNICALL batch_buffer(JNIEnv* env, jobject, jint size) {
  const auto count = static_cast<size_t>(size);
  auto* calls = static_cast<eas_call*>(calloc(count, sizeof(eas_call)));
  auto* shared = static_cast<jlong*>(calloc(2 * count, sizeof(jlong)));
  if (calls == nullptr || shared == nullptr) abort();
  current.batch = {batches, current.number, 0, 0, 0, 0, calls};
  current.requests = shared;
  current.written = shared + count;
  return env->NewDirectByteBuffer(shared, static_cast<jlong>(2 * count * sizeof(jlong)));
}

jint JNICALL take_batch(JNIEnv*, jobject) {
  const eas_batch& batch = current.batch;
  if (host.module.take_batch(&current.batch) != EAS_TAKEN) return kNone;
  for (uint32_t i = 0; i < batch.count; i++) current.requests[i] = describe(batch.calls[i]);
  return batch.alone != 0 ? kAlone : static_cast<jint>(batch.count);
}

jint JNICALL complete_batch_and_take(JNIEnv*, jobject) {
  const eas_batch& batch = current.batch;
  host.module.end_batch(&current.batch, 1);
  for (uint32_t i = 0; i < batch.count; i++) complete_written(batch.calls[i], current.written[i]);
  host.module.report_batch(&current.batch);
  return take_batch(nullptr, nullptr);
}

void JNICALL end_batch(JNIEnv*, jobject) { host.module.end_batch(&current.batch, 0); }

void JNICALL select_request(JNIEnv*, jobject, jint number) { current.call = current.batch.calls[number]; }

void JNICALL complete(JNIEnv*, jobject, jint written) { complete_written(current.call, written); }

// ---- eas.host.NativeRing, of its slots ----

eas_ring_size ring_size() {
  eas_ring_size size;
  host.module.get_size(host.ring, &size);
  return size;
}

jint JNICALL slot_count(JNIEnv*, jclass) { return static_cast<jint>(ring_size().slots); }

jobject JNICALL buffer(JNIEnv* env, jclass, jint number, jboolean output) {
  const auto slot = static_cast<uint32_t>(number);
  const eas_ring_size size = ring_size();
  const auto room = static_cast<jlong>(output ? size.max_output : size.max_body);
  char* begin = output ? host.module.output(host.ring, slot) : host.module.input(host.ring, slot);
  return env->NewDirectByteBuffer(begin, room < kMaxBuffer ? room : kMaxBuffer);
}

template <typename Function>
bool find(void* module, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(module, name));
  return *function != nullptr;
}

bool find_parts(void* module, NativeModule* found) {
  return find(module, "eas_worker_send_part", &found->send_part) &&
         find(module, "eas_worker_end_parts", &found->end_parts) &&
         find(module, "eas_worker_detach", &found->detach) && find(module, "eas_worker_park", &found->park) &&
         find(module, "eas_worker_take_parked", &found->take_parked) &&
         find(module, "eas_worker_is_abandoned", &found->is_abandoned) &&
         find(module, "eas_worker_events", &found->events) &&
         find(module, "eas_worker_wait_for_event", &found->wait_for_event) &&
         find(module, "eas_worker_set_max_in_flight", &found->set_max_in_flight);
}

}  // namespace

eas_call* current_call() { return &current.call; }

uint32_t current_thread() { return current.number; }

bool find_module(const char* path) {
  void* module = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  NativeModule& found = host.module;
  return module != nullptr && find(module, "eas_log", &found.log) &&
         find(module, "eas_ring_get_size", &found.get_size) && find(module, "eas_slot_input", &found.input) &&
         find(module, "eas_slot_output", &found.output) && find(module, "eas_worker_enter", &found.enter) &&
         find(module, "eas_worker_take", &found.take) &&
         find(module, "eas_worker_complete", &found.complete) &&
         find(module, "eas_worker_complete_and_take", &found.complete_and_take) &&
         find(module, "eas_worker_reply", &found.reply) && find(module, "eas_worker_raised", &found.raised) &&
         find(module, "eas_worker_max_batch", &found.max_batch) &&
         find(module, "eas_worker_open_batches", &found.open_batches) &&
         find(module, "eas_worker_take_batch", &found.take_batch) &&
         find(module, "eas_worker_end_batch", &found.end_batch) &&
         find(module, "eas_worker_report_batch", &found.report_batch) && find_parts(module, &found);
}

bool register_natives(JNIEnv* env, jclass host_log, jclass native_ring) {
  const JNINativeMethod of_log[] = {method("write", "(B[B)V", reinterpret_cast<void*>(&write_log))};
  const JNINativeMethod of_ring[] = {
      method("enter", "(I)V", reinterpret_cast<void*>(&enter)),
      method("take", "()J", reinterpret_cast<void*>(&take)),
      method("completeAndTake", "(I)J", reinterpret_cast<void*>(&complete_and_take)),
      method("completeThrown", "([B[B)V", reinterpret_cast<void*>(&complete_thrown)),
      method("completeFailed", "()V", reinterpret_cast<void*>(&complete_failed)),
      method("maxBatch", "()I", reinterpret_cast<void*>(&max_batch)),
      method("openBatches", "(I)V", reinterpret_cast<void*>(&open_batches)),
      method("batchBuffer", "(I)Ljava/nio/ByteBuffer;", reinterpret_cast<void*>(&batch_buffer)),
      method("takeBatch", "()I", reinterpret_cast<void*>(&take_batch)),
      method("completeBatchAndTake", "()I", reinterpret_cast<void*>(&complete_batch_and_take)),
      method("endBatch", "()V", reinterpret_cast<void*>(&end_batch)),
      method("select", "(I)V", reinterpret_cast<void*>(&select_request)),
      method("complete", "(I)V", reinterpret_cast<void*>(&complete)),
      method("slotCount", "()I", reinterpret_cast<void*>(&slot_count)),
      method("buffer", "(IZ)Ljava/nio/ByteBuffer;", reinterpret_cast<void*>(&buffer)),
  };
  constexpr jint kOfRing = sizeof(of_ring) / sizeof(of_ring[0]);
  return env->RegisterNatives(host_log, of_log, 1) == JNI_OK &&
         env->RegisterNatives(native_ring, of_ring, kOfRing) == JNI_OK;
}
