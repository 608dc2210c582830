// Answers with what a processor finds in its process. Needs a library beside it, and does not say where that is: link it
// with -lbeside.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "eas/processor.h"

extern "C" const char* beside_says(void);

static int inheritable_descriptors() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder)) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) ++count;
  }
  closedir(folder);
  return count;
}

// How a child that is forked ends by SIGTERM; an alarm ends one that does not.
static std::string end_of_child() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    for (;;) pause();
  }
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  return std::to_string(WTERMSIG(status));
}

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  const char* path = getenv("LD_LIBRARY_PATH");
  auto* found = new std::string(beside_says());
  *found += std::string("\nLD_LIBRARY_PATH=") + (path == nullptr ? "unset" : path);
  *found += "\ninheritable=" + std::to_string(inheritable_descriptors());
  *found += "\nchild=" + end_of_child();
  return found;
}

int process(void* model, const void*, int, void** output, int* output_size) {
  const auto* found = static_cast<std::string*>(model);
  *output = strdup(found->c_str());
  *output_size = static_cast<int>(found->size());
  return 200;
}
