// The echo of a device that does one thing at a time, such as a GPU: a call takes 2 ms, and 0.1 ms for each request,
// without CPU time.

#include <eas/processor.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace {

std::mutex device;

void Compute(int requests) {
  const std::lock_guard<std::mutex> lock(device);
  std::this_thread::sleep_for(std::chrono::microseconds(2000 + 100 * requests));
}

void Echo(const void* input, int size, void** output, int* output_size) {
  *output = std::malloc(static_cast<std::size_t>(size) + 1);
  std::memcpy(*output, input, static_cast<std::size_t>(size));
  *output_size = size;
}

}  // namespace

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

int process(void*, const void* input, int size, void** output, int* output_size) {
  Compute(1);
  Echo(input, size, output, output_size);
  return 200;
}

int batch_process(void*, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
  int count = 0;
  while (inputs[count] != nullptr) ++count;
  Compute(count);
  for (int i = 0; i < count; ++i) Echo(inputs[i], sizes[i], &outputs[i], &output_sizes[i]);
  return 200;
}
