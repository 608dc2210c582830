// Loads as the file named by model_config says at that moment, so that a test decides about each load of a worker:
// "ok", "state:N", "segv", "_exit:N", "exit:N", "gate:FOLDER" (see support/gate.py), or "no second thread" (see
// no_second_thread.c). Serves an echo; "segv" and "kill" as input end the process, "gate:FOLDER" holds the request.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void Pass(const char* folder) {
  char path[4096], line[64], byte;
  snprintf(path, sizeof path, "%s/entered", folder);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  int size = snprintf(line, sizeof line, "enter %d load\n", getpid());
  if (write(fd, line, static_cast<size_t>(size)) < 0) perror("entered");
  close(fd);
  snprintf(path, sizeof path, "%s/leave", folder);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (read(fd, &byte, 1) < 0) perror("leave");
  close(fd);
}

// Calls a function of no_second_thread.c, if that is preloaded.
static void Call(const char* name) {
  if (const auto function = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, name))) function();
}

extern "C" void* initialize(const char*, const char* model_config, int* state) {
  char behaviour[4096] = "ok";
  FILE* file = fopen(model_config, "r");
  if (file && !fgets(behaviour, sizeof behaviour, file)) behaviour[0] = 0;
  if (file) fclose(file);
  *state = 0;
  if (strncmp(behaviour, "state:", 6) == 0) *state = atoi(behaviour + 6);
  if (strncmp(behaviour, "gate:", 5) == 0) Pass(behaviour + 5);
  if (strcmp(behaviour, "segv") == 0) raise(SIGSEGV);
  if (strcmp(behaviour, "no second thread") == 0) Call("fail_the_second");
  if (strncmp(behaviour, "_exit:", 6) == 0) _exit(atoi(behaviour + 6));
  if (strncmp(behaviour, "exit:", 5) == 0) exit(atoi(behaviour + 5));
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  char text[4096] = "";
  Call("call_has_begun");
  memcpy(text, input,
         static_cast<size_t>(size) < sizeof text - 1 ? static_cast<size_t>(size) : sizeof text - 1);
  if (strcmp(text, "segv") == 0) *reinterpret_cast<volatile int*>(atol("16")) = 1;
  if (strcmp(text, "kill") == 0) kill(getpid(), SIGKILL);
  if (strncmp(text, "gate:", 5) == 0) Pass(text + 5);
  *output = malloc(static_cast<size_t>(size) + 1);
  memcpy(*output, input, static_cast<size_t>(size));
  *output_size = size;
  return 0;
}
