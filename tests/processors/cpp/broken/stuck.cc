// A processor whose calls take long: "spin" computes for ever, "wait" waits for ever, "until-told" waits until another
// call says "tell". With the model_config "load slowly" it never ends loading.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "eas/processor.h"

static std::atomic<int> told{0};
static std::atomic<unsigned> turns{0};

__attribute__((noinline)) static void turn() {
  for (;;) ++turns;
}

__attribute__((noinline)) static void wait_long() {
  for (;;) pause();
}

__attribute__((noinline)) static void until_told() {
  std::puts("in until_told");
  while (told == 0) usleep(1000);
}

void* initialize(const char*, const char* config, int* state) {
  if (std::strcmp(config, "load slowly") == 0) wait_long();
  *state = 0;
  return nullptr;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  const std::string how(static_cast<const char*>(input), static_cast<size_t>(size));
  if (how == "spin") turn();
  if (how == "wait") wait_long();
  if (how == "until-told") until_told();
  if (how == "tell") told = 1;
  *output = nullptr;
  *output_size = 0;
  return 200;
}
