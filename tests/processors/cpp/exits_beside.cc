// A thread of its own calls exit(7) when a byte comes through the gate that model_config names (see support/gate.py).
// A call waits at the gate that is its input, and uses a static table, as calls do that run when exit() destroys it.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <thread>

static int destroyed = eventfd(0, EFD_CLOEXEC);

struct Table {
  volatile int* numbers = new int[16]();
  ~Table() {
    numbers = nullptr;
    fprintf(stderr, "torn down\n");
    eventfd_write(destroyed, 1);
    pause();  // longer than any call goes on
  }
};
static Table table;

static int OpenLeave(const std::string& folder) {
  return open((folder + "/leave").c_str(), O_RDONLY | O_CLOEXEC);
}

extern "C" void* initialize(const char*, const char* model_config, int* state) {
  std::string folder = model_config;
  std::thread([folder] {
    int fd = OpenLeave(folder);
    char byte;
    if (read(fd, &byte, 1) == 1) exit(7);
  }).detach();
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  if (size > 0) {
    std::string folder(static_cast<const char*>(input), static_cast<size_t>(size));
    int entered = open((folder + "/entered").c_str(), O_WRONLY | O_CLOEXEC);
    std::string line = "enter " + std::to_string(getpid()) + " request\n";
    if (write(entered, line.data(), line.size()) < 0) perror("entered");
    close(entered);
    int fd = OpenLeave(folder);
    pollfd either[] = {{fd, POLLIN, 0}, {destroyed, POLLIN, 0}};
    char byte;
    if (poll(either, 2, -1) > 0 && either[0].revents && read(fd, &byte, 1) < 0) perror("leave");
    close(fd);
  }
  table.numbers[0] = size;
  *output = strdup("served");
  *output_size = 6;
  return 200;
}
