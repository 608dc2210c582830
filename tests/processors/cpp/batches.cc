// A processor that answers "alone INPUT", or in a batch of several "together INPUT"; but an input may say that it does
// something odd, in both calls or, with "together" at its end, in the one for a batch only. Batches.java and batches.py know the
// same words.

#include <eas/processor.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace {

int Answer(const std::string& text, void** output, int* size) {
  *output = malloc(text.size() + 1);
  memcpy(*output, text.data(), text.size());
  *size = static_cast<int>(text.size());
  return 0;
}

int Obey(const std::string& input, bool together, void** output, int* size) {
  const std::string end = " together";
  const bool only_together = input.size() > end.size() && input.substr(input.size() - end.size()) == end;
  const std::string verb = only_together ? input.substr(0, input.size() - end.size()) : input;
  if (verb != "nothing") {
    const bool large = verb == "large";
    Answer(large ? std::string(1 << 20, 'x') : (together ? "together " : "alone ") + input, output, size);
  }
  if (only_together && !together) return 0;
  if (verb == "throws") throw std::runtime_error("bad input");
  if (verb == "status") return 418;
  if (verb == "dies") abort();
  if (verb == "dies in thread") std::thread(abort).join();
  if (verb == "ends its thread") pthread_exit(nullptr);
  if (verb == "wrong output") *size = -1;
  while (verb == "hangs") pause();  // which ends when the host asks where its thread is
  return 0;
}

}  // namespace

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

extern "C" int process(void*, const void* input, int input_size, void** output, int* output_size) {
  return Obey(std::string(static_cast<const char*>(input), static_cast<size_t>(input_size)), false, output,
              output_size);
}

extern "C" int batch_process(void*, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
  int status = 0;
  for (int i = 0; inputs[i] != nullptr; ++i) {
    const std::string input(static_cast<const char*>(inputs[i]), static_cast<size_t>(sizes[i]));
    if (input == "shared" && i > 0) {  // the output of the request before
      outputs[i] = outputs[i - 1];
      output_sizes[i] = output_sizes[i - 1];
    } else if (input == "the input") {
      outputs[i] = const_cast<void*>(inputs[i]);
      output_sizes[i] = sizes[i];
    } else {
      const int one = Obey(input, true, &outputs[i], &output_sizes[i]);
      if (one != 0) status = one;
    }
  }
  return status;
}
