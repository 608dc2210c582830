// Starts the JVM with only the user's jars on its class path, and lets Python call the bridge.
//
// Users expect only their own jars on the application class loader, as `java -cp` puts them there. So the bridge has a
// loader of its own, whose parent is the platform's, and which the user's code does not know: it cannot reach the host's
// classes by name, and may have classes of the same names. Python calls one method of the bridge, with bytes
// (eas.host.Commands).
//
// This library also stands between Java and the end of the JVM. System.exit and Runtime.halt come to JVM_Halt in
// libjvm. The symbols of this library are global before those of libjvm, so the JDK's libraries find the JVM_Halt below,
// on the thread that ends the JVM and with its frames. It leaves behind who has called, and ends the process by exit().
// So the crash handler (native/src/crash.h) names the request, and nobody waits for the JVM's threads.
//
// The native methods of the bridge are in natives.cc and parts_natives.cc. All three use only the C library: symbols that are global would
// include those of libstdc++.

#include <dlfcn.h>
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natives.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

using CreateJVM = jint (*)(JavaVM**, void**, void*);
using Halt = void (*)(jint);

// Otherwise this is the host's own process, which has neither a file for reports nor a crash handler.
bool in_worker_process() { return host.report != STDERR_FILENO; }

JavaVM* java_vm = nullptr;
Halt halt = nullptr;

jclass commands = nullptr;  // eas.host.Commands, and its method
jmethodID call_command = nullptr;

jclass exit_report = nullptr;  // eas.host.ExitReport, and its methods
jmethodID describe_exit = nullptr;
jmethodID ends_at_once = nullptr;
jmethodID starter = nullptr;

// Makes the loader of the bridge, whose jar is at `url`. nullptr leaves a pending exception.
jobject make_loader(JNIEnv* env, const char* url) {
  jclass loader_class = env->FindClass("java/lang/ClassLoader");
  jclass url_class = env->FindClass("java/net/URL");
  jclass url_loader_class = env->FindClass("java/net/URLClassLoader");
  if (loader_class == nullptr || url_class == nullptr || url_loader_class == nullptr) return nullptr;
  jmethodID get_platform_loader =
      env->GetStaticMethodID(loader_class, "getPlatformClassLoader", "()Ljava/lang/ClassLoader;");
  jmethodID new_url = env->GetMethodID(url_class, "<init>", "(Ljava/lang/String;)V");
  jmethodID new_loader =
      env->GetMethodID(url_loader_class, "<init>", "([Ljava/net/URL;Ljava/lang/ClassLoader;)V");
  jstring text = env->ExceptionCheck() ? nullptr : env->NewStringUTF(url);
  jobject made = text == nullptr ? nullptr : env->NewObject(url_class, new_url, text);
  jobjectArray urls = made == nullptr ? nullptr : env->NewObjectArray(1, url_class, made);
  if (urls == nullptr) return nullptr;
  jobject parent = env->CallStaticObjectMethod(loader_class, get_platform_loader);
  return env->ExceptionCheck() ? nullptr : env->NewObject(url_loader_class, new_loader, urls, parent);
}

// Loads a class of the bridge and keeps it. nullptr leaves a pending exception.
jclass load(JNIEnv* env, jobject loader, const char* name) {
  jclass loader_class = env->GetObjectClass(loader);
  jmethodID load_class = env->GetMethodID(loader_class, "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;");
  jstring text = load_class == nullptr ? nullptr : env->NewStringUTF(name);
  jobject found = text == nullptr ? nullptr : env->CallObjectMethod(loader, load_class, text);
  return env->ExceptionCheck() ? nullptr : static_cast<jclass>(env->NewGlobalRef(found));
}

// Prepares the classes of the bridge that this library calls, or that call it. False leaves a pending exception.
bool connect_bridge(JNIEnv* env, const char* url) {
  jobject loader = make_loader(env, url);
  jclass log = loader == nullptr ? nullptr : load(env, loader, "eas.host.HostLog");
  jclass ring = log == nullptr ? nullptr : load(env, loader, "eas.host.NativeRing");
  if (ring == nullptr || !register_natives(env, log, ring)) return false;
  jclass calls = load(env, loader, "eas.host.NativeCalls");
  if (calls == nullptr || !register_part_natives(env, calls)) return false;
  exit_report = load(env, loader, "eas.host.ExitReport");
  commands = exit_report == nullptr ? nullptr : load(env, loader, "eas.host.Commands");
  if (commands == nullptr) return false;
  describe_exit = env->GetStaticMethodID(exit_report, "describe", "()[B");
  ends_at_once = env->GetStaticMethodID(exit_report, "endsAtOnce", "()Z");
  starter = env->GetStaticMethodID(exit_report, "starter", "()I");
  call_command = env->GetStaticMethodID(commands, "call", "([B)[B");
  return !env->ExceptionCheck();
}

// Creates the JVM. nullptr with `error` if that fails.
JNIEnv* create(const char* libjvm, int option_count, char* const* texts, char* error, size_t error_size) {
  // RTLD_GLOBAL: the user's native code may need its symbols.
  void* library = dlopen(libjvm, RTLD_LAZY | RTLD_GLOBAL);
  auto create_jvm =
      library == nullptr ? nullptr : reinterpret_cast<CreateJVM>(dlsym(library, "JNI_CreateJavaVM"));
  if (create_jvm == nullptr) {
    snprintf(error, error_size, "%s", dlerror());
    return nullptr;
  }
  halt = reinterpret_cast<Halt>(dlsym(library, "JVM_Halt"));
  auto* options =
      static_cast<JavaVMOption*>(calloc(static_cast<size_t>(option_count) + 1, sizeof(JavaVMOption)));
  for (int i = 0; options != nullptr && i < option_count; i++) options[i] = {texts[i], nullptr};
  JavaVMInitArgs arguments = {JNI_VERSION_10, option_count, options, JNI_FALSE};
  JNIEnv* env = nullptr;
  const jint result =
      options == nullptr ? JNI_ENOMEM : create_jvm(&java_vm, reinterpret_cast<void**>(&env), &arguments);
  free(options);
  if (result == JNI_OK) return env;
  snprintf(error, error_size, "JNI_CreateJavaVM returns %d", static_cast<int>(result));
  return nullptr;
}

// The calling thread's environment; the thread is attached as long as this lives, unless it was before.
class Attached {
 public:
  Attached() {
    if (java_vm->GetEnv(reinterpret_cast<void**>(&env_), JNI_VERSION_10) == JNI_OK) return;
    char name[] = "eas-host";
    JavaVMAttachArgs arguments = {JNI_VERSION_10, name, nullptr};
    attached_ = java_vm->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(&env_), &arguments) == JNI_OK;
    if (!attached_) env_ = nullptr;
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ~Attached() {
    if (attached_) java_vm->DetachCurrentThread();
  }
  JNIEnv* env() const { return env_; }

 private:
  JNIEnv* env_ = nullptr;
  bool attached_ = false;
};

// Calls Commands.call. nullptr may leave a pending exception.
char* call(JNIEnv* env, const char* request, int size, int* answer_size) {
  jbyteArray sent = env->NewByteArray(size);
  if (sent == nullptr) return nullptr;
  env->SetByteArrayRegion(sent, 0, size, reinterpret_cast<const jbyte*>(request));
  auto got = static_cast<jbyteArray>(env->CallStaticObjectMethod(commands, call_command, sent));
  if (got == nullptr) return nullptr;
  *answer_size = env->GetArrayLength(got);
  auto* answer = static_cast<char*>(malloc(static_cast<size_t>(*answer_size) + 1));
  if (answer != nullptr) env->GetByteArrayRegion(got, 0, *answer_size, reinterpret_cast<jbyte*>(answer));
  return answer;
}

// Writes who has called System.exit or Runtime.halt on this thread.
void report_exit(JNIEnv* env) {
  auto text = static_cast<jbyteArray>(env->CallStaticObjectMethod(exit_report, describe_exit));
  jbyte* bytes = text == nullptr ? nullptr : env->GetByteArrayElements(text, nullptr);
  if (bytes != nullptr) {
    ssize_t written = write(host.report, bytes, env->GetArrayLength(text));
    (void)written;  // there is nobody left to tell
    env->ReleaseByteArrayElements(text, bytes, JNI_ABORT);
  }
}

}  // namespace

// Sets what the JVM shares with the host: the descriptor `report`, and the `ring` from which its threads take requests
// by the functions of the native `module`, the path of a library that is loaded. Returns whether it has them.
// [before eas_jvm_start]
EXPORTED int eas_jvm_connect(int report, const char* module, eas_ring* ring, uint32_t worker) {
  host.report = report;
  host.ring = ring;
  host.worker = worker;
  return find_module(module);
}

// Starts the JVM of the library `libjvm` with `options`, and loads the bridge from the jar at `url`. 0, or -1 with
// `error`. [any thread, once]
EXPORTED int eas_jvm_start(const char* libjvm, int option_count, char* const* options, const char* url,
                           char* error, size_t error_size) {
  JNIEnv* env = create(libjvm, option_count, options, error, error_size);
  if (env == nullptr) return -1;
  if (connect_bridge(env, url)) return 0;
  env->ExceptionDescribe();
  env->ExceptionClear();
  snprintf(error, error_size, "the bridge cannot be loaded from %s", url);
  return -1;
}

// Calls the bridge. Returns its answer, to be given to `free`, and its size; nullptr if the bridge has thrown, which is
// printed. [any thread, after eas_jvm_start]
EXPORTED char* eas_jvm_call(const char* request, int size, int* answer_size) {
  const Attached thread;
  JNIEnv* env = thread.env();
  if (env == nullptr || env->PushLocalFrame(4) != JNI_OK) return nullptr;
  char* answer = call(env, request, size, answer_size);
  if (env->ExceptionCheck()) {
    env->ExceptionDescribe();
    env->ExceptionClear();
  }
  env->PopLocalFrame(nullptr);
  return answer;
}

// Called by the JDK's native code in place of the JVM's own function, on the thread that has called System.exit or
// Runtime.halt, after the shutdown hooks.
EXPORTED void JNICALL JVM_Halt(jint status) {
  JNIEnv* env = nullptr;
  bool at_once = false;
  if (exit_report != nullptr && java_vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_8) == JNI_OK) {
    report_exit(env);
    at_once = in_worker_process() && !env->ExceptionCheck() &&
              env->CallStaticBooleanMethod(exit_report, ends_at_once);
    env->ExceptionClear();
  }
  if (at_once) {
    jint thread = env->CallStaticIntMethod(exit_report, starter);
    if (thread >= 0) {
      host.module.enter(host.ring, host.worker, static_cast<uint32_t>(thread));
    }
    exit(status);
  }
  halt(status);
}
