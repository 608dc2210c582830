// The native methods of eas.host.NativeCalls: requests that Java answers later than it takes others, or in parts
// (native/src/parts.h). Java sees such a call as one number, its slot above its sequence, 32 bits each: nothing else of
// it is needed to answer it.

#include <stddef.h>

#include "bytes.h"
#include "natives.h"

namespace {

constexpr jlong kNone = -2;     // eas.host.NativeCalls.NONE
constexpr jint kClosed = -1;    // eas.host.NativeCalls.CLOSED
constexpr jint kChunk = 16384;  // bytes that are copied at once
constexpr int kNoLimit = -1;

eas_call call_of(jlong number) {
  eas_call call = {};
  call.slot = static_cast<uint32_t>(static_cast<uint64_t>(number) >> 32);
  call.sequence = static_cast<uint32_t>(number);
  return call;
}

// Which thread has the call: the calling one, or none.
uint32_t holder(jboolean held) { return held ? current_thread() : EAS_DETACHED; }

jlong JNICALL current(JNIEnv*, jclass) { return number_of(*current_call()); }

void JNICALL detach(JNIEnv*, jclass) {
  host.module.detach(host.ring, host.worker, current_thread(), current_call());
}

void JNICALL park(JNIEnv*, jclass, jlong number, jboolean held) {
  const eas_call call = call_of(number);
  host.module.park(host.ring, host.worker, holder(held), &call);
}

jlong JNICALL take_parked(JNIEnv*, jclass) {
  switch (host.module.take_parked(host.ring, host.worker, current_thread(), current_call())) {
    case EAS_RESUMED:
      return number_of(*current_call());
    case EAS_STOPPED:
      return kStopped;
    default:
      return kNone;
  }
}

jint JNICALL send(JNIEnv* env, jclass, jlong number, jboolean held, jbyteArray part, jint from, jint size) {
  const eas_call call = call_of(number);
  jbyte chunk[kChunk];
  jint total = 0;
  while (total < size) {
    const jint count = size - total < kChunk ? size - total : kChunk;
    env->GetByteArrayRegion(part, from + total, count, chunk);
    size_t sent = 0;
    const int result =
        host.module.send_part(host.ring, host.worker, holder(held), &call, 0,
                              reinterpret_cast<const char*>(chunk), static_cast<size_t>(count), &sent);
    if (result == EAS_PART_CLOSED) return kClosed;
    total += static_cast<jint>(sent);
    if (result == EAS_PART_FULL) break;
  }
  return total;
}

void JNICALL end(JNIEnv*, jclass, jlong number, jboolean held) {
  const eas_call call = call_of(number);
  host.module.end_parts(host.ring, host.worker, holder(held), &call, 0);
}

void JNICALL complete(JNIEnv*, jclass, jlong number, jint written) {
  const eas_call call = call_of(number);
  eas_ring_size limits;
  host.module.get_size(host.ring, &limits);
  const auto size = static_cast<uint64_t>(written);
  if (size <= limits.max_output) {
    host.module.complete(host.ring, host.worker, EAS_DETACHED, &call, EAS_RETURNED, 0, size);
  } else {
    host.module.reply(host.ring, host.worker, EAS_DETACHED, &call, EAS_RETURNED, 0, nullptr, size);
  }
}

void JNICALL complete_thrown(JNIEnv* env, jclass, jlong number, jboolean held, jbyteArray message_array,
                             jbyteArray frames_array) {
  const eas_call call = call_of(number);
  const Bytes message(env, message_array);
  const Bytes frames(env, frames_array);
  host.module.raised(host.ring, host.worker, holder(held), &call, message.data(), message.size(),
                     frames.data(), frames.size());
}

void JNICALL complete_failed(JNIEnv*, jclass, jlong number) {
  const eas_call call = call_of(number);
  host.module.reply(host.ring, host.worker, EAS_DETACHED, &call, EAS_BAD_OUTPUT, 0, kInternalError,
                    sizeof(kInternalError) - 1);
}

jboolean JNICALL is_abandoned(JNIEnv*, jclass, jlong number) {
  const eas_call call = call_of(number);
  return host.module.is_abandoned(host.ring, &call) != 0 ? JNI_TRUE : JNI_FALSE;
}

jint JNICALL events(JNIEnv*, jclass) { return static_cast<jint>(host.module.events(host.ring, host.worker)); }

void JNICALL wait_for_event(JNIEnv*, jclass, jint seen) {
  host.module.wait_for_event(host.ring, host.worker, static_cast<uint32_t>(seen), kNoLimit);
}

// Answers that have begun do not count (OpenCalls.begun).
void JNICALL set_max_in_flight(JNIEnv*, jclass, jint requests) {
  host.module.set_max_in_flight(host.ring, host.worker, static_cast<uint32_t>(requests) | EAS_STREAMS_APART);
}

}  // namespace

bool register_part_natives(JNIEnv* env, jclass native_calls) {
  const JNINativeMethod methods[] = {
      method("current", "()J", reinterpret_cast<void*>(&current)),
      method("detach", "()V", reinterpret_cast<void*>(&detach)),
      method("park", "(JZ)V", reinterpret_cast<void*>(&park)),
      method("takeParked", "()J", reinterpret_cast<void*>(&take_parked)),
      method("send", "(JZ[BII)I", reinterpret_cast<void*>(&send)),
      method("end", "(JZ)V", reinterpret_cast<void*>(&end)),
      method("complete", "(JI)V", reinterpret_cast<void*>(&complete)),
      method("completeThrown", "(JZ[B[B)V", reinterpret_cast<void*>(&complete_thrown)),
      method("completeFailed", "(J)V", reinterpret_cast<void*>(&complete_failed)),
      method("isAbandoned", "(J)Z", reinterpret_cast<void*>(&is_abandoned)),
      method("events", "()I", reinterpret_cast<void*>(&events)),
      method("waitForEvent", "(I)V", reinterpret_cast<void*>(&wait_for_event)),
      method("setMaxInFlight", "(I)V", reinterpret_cast<void*>(&set_max_in_flight)),
  };
  return env->RegisterNatives(native_calls, methods, sizeof(methods) / sizeof(methods[0])) == JNI_OK;
}
