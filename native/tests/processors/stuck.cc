// Calls that do not end by themselves: "spin" computes, "wait" waits. Each ends once `release` was called.
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>

#include "eas/processor.h"

static std::atomic<bool> released{false};
static std::atomic<unsigned> turns{0};

extern "C" __attribute__((visibility("default"), noinline)) void Spin() {
  released = false;
  while (!released) turns.fetch_add(1);
}

extern "C" __attribute__((visibility("default"), noinline)) void Wait() {
  released = false;
  while (!released) usleep(1000);
}

extern "C" __attribute__((visibility("default"))) void release() { released = true; }

void* initialize(const char*, const char* config, int* state) {
  *state = 0;
  if (std::strcmp(config, "spin") == 0) Spin();
  return nullptr;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  const std::string how(static_cast<const char*>(input), static_cast<size_t>(size));
  if (how == "spin") Spin();
  if (how == "wait") Wait();
  *output = nullptr;
  *output_size = 0;
  return 200;
}
