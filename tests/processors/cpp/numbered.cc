// A processor whose answers can be told apart byte by byte (support/numbered.py). With -DIN_PARTS it answers by
// async_process, in parts, from threads of its own; without, by process and batch_process.

#include <eas/processor.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

struct Numbered {
  long long number = 0;
  int parts = 0;
  int size = 0;  // of each part
  char end[16] = "";

  Numbered(const void* input, int input_size) {
    const std::string text(static_cast<const char*>(input), static_cast<size_t>(input_size));
    if (sscanf(text.c_str(), "numbered %lld %d %d %15s", &number, &parts, &size, end) != 4)
      strcpy(end, "fail");
  }

  bool Is(const char* word) const { return strcmp(end, word) == 0; }

  std::string Part(int index) const {
    const std::string label =
        std::to_string(number) + "." + std::to_string(index) + "." + std::to_string(getpid()) + " ";
    std::string part;
    while (part.size() < static_cast<size_t>(size)) part += label;
    part.resize(static_cast<size_t>(size));
    return part;
  }

  std::string Whole() const {
    std::string all;
    for (int i = 0; i < parts; ++i) all += Part(i);
    return all;
  }
};

void Crash() { *reinterpret_cast<volatile int*>(static_cast<intptr_t>(16)) = 1; }

}  // namespace

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

int process(void*, const void* input, int input_size, void** output, int* output_size) {
  const Numbered numbered(input, input_size);
  const std::string answer = numbered.Is("fail") ? "failed" : numbered.Whole();
  if (numbered.Is("die")) Crash();
  *output = malloc(answer.size() + 1);
  memcpy(*output, answer.data(), answer.size());
  *output_size = static_cast<int>(answer.size());
  return numbered.Is("fail") ? 400 : 200;
}

int batch_process(void* model, const void* inputs[], int* sizes, void* outputs[], int* output_sizes) {
  int status = 200;
  for (int i = 0; inputs[i] != nullptr; ++i) {
    const int one = process(model, inputs[i], sizes[i], &outputs[i], &output_sizes[i]);
    if (one != 200) status = one;
  }
  return status;
}

#ifdef IN_PARTS
void async_process(void*, const void* input, int input_size, int64_t id, DoneCallback done) {
  const Numbered numbered(input, input_size);
  const auto send = [done, id](const std::string& output, int finished, int status) {
    done(output.data(), static_cast<int>(output.size()), id, finished, status);
  };
  if (numbered.Is("die") && numbered.parts == 0 && numbered.number % 2 == 0) Crash();  // in the call
  std::thread([numbered, send] {
    if (numbered.Is("whole")) return send(numbered.Whole(), 1, 200);
    for (int i = 0; i < numbered.parts; ++i) send(numbered.Part(i), 0, 200);
    if (numbered.Is("die")) Crash();
    if (numbered.Is("fail")) return send("failed", 1, 400);
    send("", 1, 200);
  }).detach();
}
#endif
