// Has more after each request, or as much as before. The body is words with a number each, separated by blanks:
// "leak:BYTES", "descriptors:COUNT" and "threads:COUNT" are never given back; "cache:BYTES" keeps the last 500,
// "heap:BYTES" gives back 300 at once, "grow:BYTES" stops after 400, "warm:BYTES" after 36, "free:BYTES" is
// given back by the call itself; "wait:MS" is how long the call takes.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Block = std::unique_ptr<char[]>;
std::mutex mutex;
std::deque<Block> cache;
std::vector<Block> heap, grown;

Block Make(size_t size) {
  Block block(new char[size]);
  memset(block.get(), 1, size);
  return block;
}

void StartThread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  pthread_t thread;
  auto run = [](void*) -> void* {
    while (true) pause();
  };
  if (pthread_create(&thread, &attributes, run, nullptr) == 0) pthread_detach(thread);
}

void Do(const std::string& word, size_t number) {
  if (word == "leak") Make(number).release();
  if (word == "free") Make(number);
  if (word == "wait") std::this_thread::sleep_for(std::chrono::milliseconds(number));
  for (size_t i = 0; word == "descriptors" && i < number; ++i) {
    if (dup(0) < 0) throw std::runtime_error("Too many open files");
  }
  for (size_t i = 0; word == "threads" && i < number; ++i) StartThread();
  std::lock_guard<std::mutex> lock(mutex);
  if (word == "cache") {
    cache.push_back(Make(number));
    if (cache.size() > 500) cache.pop_front();
  }
  if (word == "heap") {
    if (heap.size() == 300) heap.clear();
    heap.push_back(Make(number));
  }
  if (word == "grow" && grown.size() < 400) grown.push_back(Make(number));
  if (word == "warm" && grown.size() < 36) grown.push_back(Make(number));
}

}  // namespace

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  std::istringstream words(std::string(static_cast<const char*>(input), static_cast<size_t>(size)));
  std::string word, number;
  while (std::getline(words, word, ':') && std::getline(words, number, ' '))
    Do(word, strtoul(number.c_str(), nullptr, 10));
  *output = strdup("ok");
  *output_size = 2;
  return 200;
}
