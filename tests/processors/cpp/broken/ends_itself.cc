// Ends its process in the way that the body names, with the status 3; in a child that it forks, if "fork:" stands
// before. Any other body is answered with the number of the process.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

__attribute__((noinline)) static void Leave(const std::string& how) {
  if (how == "exit") exit(3);
  if (how == "_exit") _exit(3);
  if (how == "_Exit") _Exit(3);
  if (how == "quick_exit") quick_exit(3);
  if (how == "kill") kill(getpid(), SIGKILL);
  if (how == "raise") raise(SIGKILL);
  if (how == "pointer") {
    void (*volatile leave)(int) = &_exit;
    leave(3);
  }
  asm volatile("");  // this function stays on the stack while it calls
}

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  std::string how(static_cast<const char*>(input), static_cast<size_t>(size));
  if (how.rfind("fork:", 0) == 0) {
    const pid_t child = fork();
    if (child == 0) Leave(how.substr(5));
    int status = 0;
    waitpid(child, &status, 0);
  } else {
    Leave(how);
  }
  char text[32];
  *output_size = snprintf(text, sizeof text, "%d", getpid());
  *output = strdup(text);
  return 200;
}
