// Starts the JVM with the user's jars alone on its class path, and has JPype find its own classes all the same.
//
// JPype expects its classes on the application class loader: it asks FindClass for two of them, which looks there, and
// loads the others by what ClassLoader.getSystemClassLoader gives it. Users expect their jars on that loader, as
// `java -cp` puts them, and nobody else's. So JPype is given this library for a libjvm. JNI_CreateJavaVM starts the real
// one, makes a class loader that nothing of the user's leads to (eas.host.HiddenClasses), and until
// `eas_launcher_started` answers those two questions of JPype's, on its thread, with what that loader has. The functions
// of JNI are called through a table to which each thread has a pointer, so that a debugger can put another table in its
// place (-Xcheck:jni does).
//
// It is plain C in C++: JPype makes the symbols of its libjvm global, and those of libstdc++ would be among them.

#include <dlfcn.h>
#include <jni.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

using Create = jint (*)(JavaVM**, void**, void*);
using GetCreated = jint (*)(JavaVM**, jsize, jsize*);

struct Plan {
  const char* libjvm;
  char* const* options;
  int option_count;
  const char* const* urls;
  int url_count;
};

Plan plan;

// The thread that JPype starts the JVM on, with its own table of functions and the one that it gets meanwhile.
JNIEnv* starter = nullptr;
const JNINativeInterface_* own_table = nullptr;
JNINativeInterface_ table;

jobject hidden_loader = nullptr;  // has JPype's classes and the bridge's
jobject jpype_loader = nullptr;   // a loader of JPype's kind, whose parent is hidden_loader
jmethodID load_class = nullptr;
jmethodID get_system_loader = nullptr;
jclass hidden_classes = nullptr;

Create create = nullptr;
GetCreated get_created = nullptr;

bool open_libjvm() {
  // Global, as JPype would open it: native code of the user's may count on its symbols.
  void* libjvm = dlopen(plan.libjvm, RTLD_LAZY | RTLD_GLOBAL);
  if (libjvm != nullptr) {
    create = reinterpret_cast<Create>(dlsym(libjvm, "JNI_CreateJavaVM"));
    get_created = reinterpret_cast<GetCreated>(dlsym(libjvm, "JNI_GetCreatedJavaVMs"));
  }
  return create != nullptr && get_created != nullptr;
}

jclass JNICALL find_class(JNIEnv* env, const char* name) {
  constexpr char kJPype[] = "org/jpype/";
  char dotted[128];
  size_t length = strlen(name);
  if (strncmp(name, kJPype, sizeof(kJPype) - 1) != 0 || length >= sizeof(dotted)) {
    return own_table->FindClass(env, name);
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
  return own_table->CallStaticObjectMethodA(env, type, method, arguments);
}

// Makes both loaders. False leaves a pending exception.
bool hide(JNIEnv* env) {
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
  jobjectArray urls = env->NewObjectArray(plan.url_count, url_class, nullptr);
  if (env->ExceptionCheck()) {
    return false;
  }
  for (int i = 0; i < plan.url_count; i++) {
    jobject url = env->NewObject(url_class, new_url, env->NewStringUTF(plan.urls[i]));
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

void report(JNIEnv* env) {
  env->ExceptionDescribe();
  env->ExceptionClear();
}

}  // namespace

// Says what the next JNI_CreateJavaVM starts: the JVM's library, its options, and the URLs of the jars that it hides.
// All of it must stay until eas_launcher_started.
EXPORTED void eas_launcher_prepare(const char* libjvm, int option_count, char* const* options, int url_count,
                                   const char* const* urls) {
  plan = {libjvm, options, option_count, urls, url_count};
}

// To be called on the thread that has started the JVM, once JPype is up.
EXPORTED void eas_launcher_started() {
  if (starter == nullptr) {
    return;
  }
  starter->functions = own_table;
  jmethodID close = starter->GetStaticMethodID(hidden_classes, "close", "()V");
  if (close != nullptr) {
    starter->CallStaticVoidMethod(hidden_classes, close);
  }
  if (starter->ExceptionCheck()) {
    report(starter);
  }
  starter = nullptr;
}

EXPORTED jint JNICALL JNI_CreateJavaVM(JavaVM** vm, void** env, void* given) {
  if (create != nullptr) {
    return create(vm, env, given);  // to hear that there is one already
  }
  if (!open_libjvm()) {
    fprintf(stderr, "%s\n", dlerror());
    return JNI_ERR;
  }
  JavaVMInitArgs arguments = *static_cast<JavaVMInitArgs*>(given);
  auto* options = static_cast<JavaVMOption*>(calloc(plan.option_count, sizeof(JavaVMOption)));
  if (options == nullptr) {
    return JNI_ENOMEM;
  }
  for (int i = 0; i < plan.option_count; i++) {
    options[i] = {plan.options[i], nullptr};
  }
  arguments.nOptions = plan.option_count;
  arguments.options = options;
  JavaVM* made = nullptr;
  JNIEnv* thread = nullptr;
  jint result = create(&made, reinterpret_cast<void**>(&thread), &arguments);
  free(options);
  if (result != JNI_OK) {
    return result;
  }
  if (!hide(thread)) {
    report(thread);
    return JNI_ERR;
  }
  starter = thread;
  own_table = thread->functions;
  table = *own_table;
  table.FindClass = find_class;
  table.CallStaticObjectMethodA = call_static_object_method;
  thread->functions = &table;
  *vm = made;
  *env = thread;
  return JNI_OK;
}

EXPORTED jint JNICALL JNI_GetCreatedJavaVMs(JavaVM** vms, jsize room, jsize* count) {
  if (get_created == nullptr) {
    *count = 0;
    return JNI_OK;
  }
  return get_created(vms, room, count);
}
