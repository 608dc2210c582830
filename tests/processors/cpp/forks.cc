// Forks a child, sends it the signal that the input names, and tells what became of it.
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

int process(void*, const void* input_data, int input_size, void** output_data, int* output_size) {
  const int number = std::atoi(std::string(static_cast<const char*>(input_data), input_size).c_str());
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  pollfd watched{static_cast<int>(syscall(SYS_pidfd_open, child, 0U)), POLLIN, 0};
  kill(child, number);
  const bool ended = poll(&watched, 1, 4000) == 1;
  if (!ended) kill(child, SIGKILL);
  close(watched.fd);
  int status = 0;
  waitpid(child, &status, 0);
  const std::string text = ended && WIFSIGNALED(status) ? std::to_string(-WTERMSIG(status)) : "survived";
  *output_data = strdup(text.c_str());
  *output_size = static_cast<int>(text.size());
  return 0;
}
