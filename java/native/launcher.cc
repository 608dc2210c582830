// Starts the JVM with only the user's jars on its class path, and yet lets JPype find its own classes.
//
// JPype expects its classes on the application class loader: it asks FindClass, which searches that loader, for two of
// them, and loads the others with the loader that ClassLoader.getSystemClassLoader returns. Users expect only their own
// jars on that loader, as `java -cp` puts them there. So JPype is given this library as its libjvm. JNI_CreateJavaVM
// starts the real one, and makes a class loader that the user's code cannot reach (eas.host.HiddenClasses). Until
// `eas_launcher_started`, it replaces those two functions on JPype's thread by functions that use this loader. That
// works because JNI functions are called through a table, to which each thread has a pointer; -Xcheck:jni replaces the
// table in the same way.
//
// It also stands between Java and the end of the JVM. System.exit and Runtime.halt come to JVM_Halt in libjvm. JPype
// makes the symbols of this library global before those of libjvm, so the JDK's libraries find the JVM_Halt below, on
// the thread that ends the JVM and with its frames. It leaves behind who has called, and ends the process by exit().
// So the crash handler (native/src/crash.h) names the request, and nobody waits for the JVM's threads.
//
// The same library has the native methods of the bridge: natives.cc.
//
// It uses only the C library: JPype makes the symbols of its libjvm global, and those of libstdc++ would be among them.

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
using GetCreatedJVMs = jint (*)(JavaVM**, jsize, jsize*);
using Halt = void (*)(jint);

struct LaunchOptions {
  const char* libjvm;
  char* const* options;
  int option_count;
  const char* const* urls;
  int url_count;
};

LaunchOptions launch_options;

// Otherwise this is the host's own process, which has neither a file for reports nor a crash handler.
bool in_worker_process() { return host.report != STDERR_FILENO; }

// The thread on which JPype starts the JVM, its own table of functions, and the one that it uses meanwhile.
JNIEnv* starting_env = nullptr;
const JNINativeInterface_* jni_table = nullptr;
JNINativeInterface_ patched_table;

jobject hidden_loader = nullptr;  // has the classes of JPype and of the bridge
jobject jpype_loader = nullptr;   // of the class that JPype expects; its parent is hidden_loader
jmethodID load_class = nullptr;
jmethodID get_system_loader = nullptr;
jclass hidden_classes = nullptr;

jclass exit_report = nullptr;  // eas.host.ExitReport, and its methods
jmethodID describe_exit = nullptr;
jmethodID ends_at_once = nullptr;
jmethodID starter = nullptr;

CreateJVM create_jvm = nullptr;
GetCreatedJVMs get_created_jvms = nullptr;
Halt halt = nullptr;
JavaVM* java_vm = nullptr;

bool open_libjvm() {
  // RTLD_GLOBAL, as JPype would open it: the user's native code may need its symbols.
  void* libjvm = dlopen(launch_options.libjvm, RTLD_LAZY | RTLD_GLOBAL);
  if (libjvm != nullptr) {
    create_jvm = reinterpret_cast<CreateJVM>(dlsym(libjvm, "JNI_CreateJavaVM"));
    get_created_jvms = reinterpret_cast<GetCreatedJVMs>(dlsym(libjvm, "JNI_GetCreatedJavaVMs"));
    halt = reinterpret_cast<Halt>(dlsym(libjvm, "JVM_Halt"));
  }
  return create_jvm != nullptr && get_created_jvms != nullptr;
}

jclass JNICALL find_class(JNIEnv* env, const char* name) {
  constexpr char kJPype[] = "org/jpype/";
  char dotted[128];
  size_t length = strlen(name);
  if (strncmp(name, kJPype, sizeof(kJPype) - 1) != 0 || length >= sizeof(dotted)) {
    return jni_table->FindClass(env, name);
  }
  for (size_t i = 0; i <= length; i++) {
    dotted[i] = name[i] == '/' ? '.' : name[i];
  }
  jvalue argument;
  argument.l = env->NewStringUTF(dotted);
  return argument.l == nullptr
             ? nullptr
             : static_cast<jclass>(env->CallObjectMethodA(hidden_loader, load_class, &argument));
}

jobject JNICALL call_static_object_method(JNIEnv* env, jclass type, jmethodID method,
                                          const jvalue* arguments) {
  if (method == get_system_loader) {
    return env->NewLocalRef(jpype_loader);
  }
  return jni_table->CallStaticObjectMethodA(env, type, method, arguments);
}

// Makes both loaders. False leaves a pending exception.
bool make_loaders(JNIEnv* env) {
  jclass loader_class = env->FindClass("java/lang/ClassLoader");
  jclass url_class = env->FindClass("java/net/URL");
  jclass url_loader_class = env->FindClass("java/net/URLClassLoader");
  if (loader_class == nullptr || url_class == nullptr || url_loader_class == nullptr) {
    return false;
  }
  load_class = env->GetMethodID(loader_class, "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;");
  get_system_loader =
      env->GetStaticMethodID(loader_class, "getSystemClassLoader", "()Ljava/lang/ClassLoader;");
  jmethodID get_platform_loader =
      env->GetStaticMethodID(loader_class, "getPlatformClassLoader", "()Ljava/lang/ClassLoader;");
  jmethodID new_url = env->GetMethodID(url_class, "<init>", "(Ljava/lang/String;)V");
  jmethodID new_url_loader =
      env->GetMethodID(url_loader_class, "<init>", "([Ljava/net/URL;Ljava/lang/ClassLoader;)V");
  jobjectArray urls = env->NewObjectArray(launch_options.url_count, url_class, nullptr);
  if (env->ExceptionCheck()) {
    return false;
  }
  for (int i = 0; i < launch_options.url_count; i++) {
    jobject url = env->NewObject(url_class, new_url, env->NewStringUTF(launch_options.urls[i]));
    if (url == nullptr) {
      return false;
    }
    env->SetObjectArrayElement(urls, i, url);
  }
  jobject platform_loader = env->CallStaticObjectMethod(loader_class, get_platform_loader);
  if (env->ExceptionCheck()) {
    return false;
  }
  jobject loader = env->NewObject(url_loader_class, new_url_loader, urls, platform_loader);
  if (loader == nullptr) {
    return false;
  }
  jobject name = env->NewStringUTF("eas.host.HiddenClasses");
  jobject found = name == nullptr ? nullptr : env->CallObjectMethod(loader, load_class, name);
  if (env->ExceptionCheck()) {
    return false;
  }
  hidden_loader = env->NewGlobalRef(loader);
  hidden_classes = static_cast<jclass>(env->NewGlobalRef(found));
  jmethodID open = env->GetStaticMethodID(hidden_classes, "open", "()Ljava/lang/ClassLoader;");
  jobject opened = open == nullptr ? nullptr : env->CallStaticObjectMethod(hidden_classes, open);
  if (env->ExceptionCheck()) {
    return false;
  }
  jpype_loader = env->NewGlobalRef(opened);
  return jpype_loader != nullptr;
}

void print_exception(JNIEnv* env) {
  env->ExceptionDescribe();
  env->ExceptionClear();
}

jclass load_hidden(JNIEnv* env, const char* name) {
  jstring text = env->NewStringUTF(name);
  return text == nullptr ? nullptr
                         : static_cast<jclass>(env->CallObjectMethod(hidden_loader, load_class, text));
}

// Prepares the classes of the bridge that call this library, or are called by it. False leaves a pending exception.
bool connect_bridge(JNIEnv* env) {
  jclass log = load_hidden(env, "eas.host.HostLog");
  jclass ring = log == nullptr ? nullptr : load_hidden(env, "eas.host.NativeRing");
  if (ring == nullptr || !register_natives(env, log, ring)) {
    return false;
  }
  jclass found = load_hidden(env, "eas.host.ExitReport");
  if (found == nullptr) {
    return false;
  }
  exit_report = static_cast<jclass>(env->NewGlobalRef(found));
  describe_exit = env->GetStaticMethodID(exit_report, "describe", "()[B");
  ends_at_once = env->GetStaticMethodID(exit_report, "endsAtOnce", "()Z");
  starter = env->GetStaticMethodID(exit_report, "starter", "()I");
  return !env->ExceptionCheck();
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

// Sets what the next JNI_CreateJavaVM starts: the JVM's library, its options, and the URLs of the jars for the hidden
// loader. All of these must stay valid until eas_launcher_started.
EXPORTED void eas_launcher_prepare(const char* libjvm, int option_count, char* const* options, int url_count,
                                   const char* const* urls) {
  launch_options = {libjvm, options, option_count, urls, url_count};
}

// Sets what the next JVM shares with the host: the descriptor `report`, and the `ring` from which its threads take
// requests by the functions of the native `module`, the path of a library that is loaded. Returns whether it has them.
EXPORTED int eas_launcher_connect(int report, const char* module, eas_ring* ring, uint32_t worker) {
  host.report = report;
  host.ring = ring;
  host.worker = worker;
  return find_module(module);
}

// To be called on the thread that has started the JVM, once JPype is up.
EXPORTED void eas_launcher_started() {
  if (starting_env == nullptr) {
    return;
  }
  starting_env->functions = jni_table;
  jmethodID close = starting_env->GetStaticMethodID(hidden_classes, "close", "()V");
  if (close != nullptr) {
    starting_env->CallStaticVoidMethod(hidden_classes, close);
  }
  if (starting_env->ExceptionCheck()) {
    print_exception(starting_env);
  }
  starting_env = nullptr;
}

EXPORTED jint JNICALL JNI_CreateJavaVM(JavaVM** vm, void** env, void* arguments_of_jpype) {
  if (create_jvm != nullptr) {
    return create_jvm(vm, env, arguments_of_jpype);  // the JVM says that there is one already
  }
  if (!open_libjvm()) {
    fprintf(stderr, "%s\n", dlerror());
    return JNI_ERR;
  }
  JavaVMInitArgs arguments = *static_cast<JavaVMInitArgs*>(arguments_of_jpype);
  auto* options = static_cast<JavaVMOption*>(calloc(launch_options.option_count, sizeof(JavaVMOption)));
  if (options == nullptr) {
    return JNI_ENOMEM;
  }
  for (int i = 0; i < launch_options.option_count; i++) {
    options[i] = {launch_options.options[i], nullptr};
  }
  arguments.nOptions = launch_options.option_count;
  arguments.options = options;
  JavaVM* made = nullptr;
  JNIEnv* thread = nullptr;
  jint result = create_jvm(&made, reinterpret_cast<void**>(&thread), &arguments);
  free(options);
  if (result != JNI_OK) {
    return result;
  }
  java_vm = made;
  if (!make_loaders(thread) || !connect_bridge(thread)) {
    print_exception(thread);
    return JNI_ERR;
  }
  starting_env = thread;
  jni_table = thread->functions;
  patched_table = *jni_table;
  patched_table.FindClass = find_class;
  patched_table.CallStaticObjectMethodA = call_static_object_method;
  thread->functions = &patched_table;
  *vm = made;
  *env = thread;
  return JNI_OK;
}

EXPORTED jint JNICALL JNI_GetCreatedJavaVMs(JavaVM** vms, jsize room, jsize* count) {
  if (get_created_jvms == nullptr) {
    *count = 0;
    return JNI_OK;
  }
  return get_created_jvms(vms, room, count);
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
