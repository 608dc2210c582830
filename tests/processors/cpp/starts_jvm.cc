// Starts the JVM whose libjvm.so is its model_entry: while it loads, or at the first `jvm` where model_config says
// "later". Answers with its input, and with "given back" once the signals that end a program are handled as before.
#include <dlfcn.h>
#include <jni.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

static const int kSignals[] = {SIGTERM, SIGINT, SIGHUP};
static std::string libjvm;

static void* handler_of(int number) {
  struct sigaction action;
  sigaction(number, nullptr, &action);
  return reinterpret_cast<void*>(action.sa_handler);
}

static void start_jvm() {
  void* library = dlopen(libjvm.c_str(), RTLD_NOW);
  if (library == nullptr) abort();
  auto create = reinterpret_cast<decltype(&JNI_CreateJavaVM)>(dlsym(library, "JNI_CreateJavaVM"));
  JavaVM* jvm;
  void* environment;
  JavaVMInitArgs arguments = {JNI_VERSION_10, 0, nullptr, JNI_FALSE};
  if (create(&jvm, &environment, &arguments) != JNI_OK) abort();
}

static void start_jvm_and_wait() {
  void* before[3];
  for (int i = 0; i < 3; ++i) before[i] = handler_of(kSignals[i]);
  start_jvm();
  int looks = 0;
  for (int i = 0; i < 3; ++i) {
    while (handler_of(kSignals[i]) != before[i]) {
      if (++looks > 3000) abort();  // half a minute
      usleep(10'000);
    }
  }
}

void* initialize(const char* model_entry, const char* model_config, int* state) {
  libjvm = model_entry;
  if (strcmp(model_config, "later") != 0) start_jvm_and_wait();
  *state = 0;
  return &libjvm;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  std::string text(static_cast<const char*>(input), size);
  if (text == "jvm") {
    start_jvm_and_wait();
    text = "given back";
  }
  *output = strdup(text.c_str());
  *output_size = static_cast<int>(text.size());
  return 200;
}
