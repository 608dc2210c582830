// Ends its process as the input says, with the status 7; in a child that it forks, if "fork " stands before.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "eas/processor.h"

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

static void Leave(const std::string& how) {
  if (how == "_exit") _exit(7);
  if (how == "_Exit") _Exit(7);
  if (how == "quick_exit") std::quick_exit(7);
  if (how == "kill") kill(getpid(), SIGKILL);
  if (how == "raise") raise(SIGKILL);
}

int process(void*, const void* input, int input_size, void**, int* output_size) {
  const std::string how(static_cast<const char*>(input), static_cast<size_t>(input_size));
  *output_size = 0;
  if (how.rfind("fork ", 0) != 0) {
    Leave(how);
    return 200;
  }
  const pid_t child = fork();
  if (child == 0) Leave(how.substr(5));
  int status = 0;
  waitpid(child, &status, 0);
  return 200;
}
