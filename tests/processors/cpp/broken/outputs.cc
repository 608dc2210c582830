// Puts all sorts of pointers into *output_data: the request names one, or "in-turn".
//
// The right ones are what the host can free. The others are the mistakes that people make with this ABI.
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "eas/processor.h"

namespace {

const char kText[] = "some text that is long enough for a block of its own";
constexpr int kSize = sizeof(kText) - 1;

char static_buffer[256];
const char constant_array[] = "a constant array";
std::string static_short = "short";
thread_local char of_thread[64];

struct Model {
  int calls = 0;
  std::string name = "ten chars.";
  char buffer[128] = {};
};

// One call: what it was given, and what it returns.
struct Call {
  Model* model;
  const char* input;
  int input_size;
  void* data = nullptr;
  int size = kSize;

  void Copy(void* block) {
    data = block;
    std::memcpy(block, kText, kSize);
  }
};

void* InThread(const std::function<void*()>& function) {
  void* block = nullptr;
  std::thread([&] { block = function(); }).join();
  return block;
}

char* WithShortString(std::string& text) {
  text = "ten chars.";
  return &text[0];
}

const std::map<std::string, std::function<void(Call&)>> kRight = {
    {"malloc", [](Call& call) { call.Copy(std::malloc(kSize)); }},
    {"calloc", [](Call& call) { call.Copy(std::calloc(1, kSize)); }},
    {"realloc", [](Call& call) { call.Copy(std::realloc(std::malloc(8), kSize)); }},
    {"realloc-large", [](Call& call) { call.Copy(std::realloc(std::malloc(1 << 20), 3 << 20)); }},
    {"strdup", [](Call& call) { call.data = strdup(kText); }},
    {"asprintf", [](Call& call) { call.size = asprintf(reinterpret_cast<char**>(&call.data), "%s", kText); }},
    {"posix_memalign",
     [](Call& call) {
       if (posix_memalign(&call.data, 256, kSize) == 0) call.Copy(call.data);
     }},
    {"aligned_alloc", [](Call& call) { call.Copy(aligned_alloc(4096, 4096)); }},
    {"memalign-large", [](Call& call) { call.Copy(memalign(1 << 16, 1 << 20)); }},
    {"new-array", [](Call& call) { call.Copy(new char[kSize]); }},
    {"full-block",
     [](Call& call) {
       call.size = 24;
       std::memcpy(call.data = std::malloc(24), kText, 24);
     }},
    {"gigabyte", [](Call& call) { call.Copy(std::malloc(1 << 30)); }},
    {"megabytes",
     [](Call& call) { std::memset(call.data = std::malloc(2 << 20), 'm', call.size = 2 << 20); }},
    {"of-a-thread", [](Call& call) { call.Copy(InThread([] { return std::malloc(kSize); })); }},
    {"empty", [](Call& call) { call.data = std::calloc(1, 1), call.size = 0; }},
    {"nothing", [](Call& call) { call.size = 0; }},
};

const std::map<std::string, std::function<void(Call&)>> kWrong = {
    {"literal", [](Call& call) { call.data = const_cast<char*>("a string literal"), call.size = 16; }},
    {"constant", [](Call& call) { call.data = const_cast<char*>(constant_array), call.size = 16; }},
    {"code", [](Call& call) { call.data = reinterpret_cast<void*>(&InThread), call.size = 16; }},
    {"static", [](Call& call) { call.Copy(static_buffer); }},
    {"static-middle", [](Call& call) { call.Copy(static_buffer + 100); }},
    {"static-string", [](Call& call) { call.data = &static_short[0], call.size = 5; }},
    {"stdin", [](Call& call) { call.data = &stdin, call.size = 8; }},
    {"stack",
     [](Call& call) {
       char local[64];
       call.Copy(local);
     }},
    {"stack-string",
     [](Call& call) {
       std::string local;
       call.data = WithShortString(local), call.size = 10;
     }},
    {"string",
     [](Call& call) {
       std::string local(kText);
       call.data = &local[0];
     }},
    {"vector",
     [](Call& call) {
       std::vector<char> local(kText, kText + kSize);
       call.data = local.data();
     }},
    {"freed",
     [](Call& call) {
       call.Copy(std::malloc(kSize));
       std::free(call.data);
     }},
    {"freed-large",
     [](Call& call) {
       call.Copy(std::malloc(64 << 20));
       std::free(call.data);
     }},
    {"freed-middle",
     [](Call& call) {
       std::vector<void*> blocks(64);
       for (void*& block : blocks) block = std::malloc(2000);
       std::free(call.data = blocks[32]);
       blocks[32] = nullptr;
       for (void* block : blocks) std::free(block == blocks[33] ? nullptr : block);
     }},
    {"freed-by-thread",
     [](Call& call) {
       call.Copy(std::malloc(kSize));
       std::thread([&] { std::free(call.data); }).join();
     }},
    {"inside", [](Call& call) { call.data = static_cast<char*>(std::calloc(1, 512)) + 64; }},
    {"inside-odd", [](Call& call) { call.data = static_cast<char*>(std::calloc(1, 512)) + 1; }},
    {"inside-text",
     [](Call& call) {
       char* const block = static_cast<char*>(std::malloc(512));
       std::memset(block, 'x', 512);
       call.data = block + 64;
     }},
    {"member-string", [](Call& call) { call.data = &call.model->name[0], call.size = 10; }},
    {"member-buffer", [](Call& call) { call.Copy(call.model->buffer); }},
    {"model", [](Call& call) { call.data = call.model, call.size = 4; }},
    {"input", [](Call& call) { call.data = const_cast<char*>(call.input), call.size = call.input_size; }},
    {"input-end",
     [](Call& call) { call.data = const_cast<char*>(call.input) + call.input_size, call.size = 1; }},
    {"thread-local", [](Call& call) { call.Copy(of_thread); }},
    {"five", [](Call& call) { call.data = reinterpret_cast<void*>(5), call.size = 8; }},
    {"wild", [](Call& call) { call.data = reinterpret_cast<void*>(0x6f5f4f3f2f10), call.size = 8; }},
    {"impossible", [](Call& call) { call.data = reinterpret_cast<void*>(~0ULL - 0xFFF), call.size = 8; }},
    {"mapped",
     [](Call& call) {
       call.Copy(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
     }},
    {"mapped-anew",
     [](Call& call) {
       constexpr size_t kMapping = 64 << 20;  // so large a block is always a mapping of its own
       char* const block = static_cast<char*>(std::malloc(kMapping));
       std::free(block);
       void* const page = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block) | 4095) + 1);
       call.Copy(mmap(page, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
     }},
    {"too-large", [](Call& call) { call.Copy(std::malloc(kSize)), call.size = 1000000; }},
    {"too-large-by-16", [](Call& call) { call.Copy(std::malloc(kSize)), call.size = kSize + 16; }},
    {"too-large-mapped", [](Call& call) { call.Copy(std::malloc(2 << 20)), call.size = 3 << 20; }},
    {"too-large-static", [](Call& call) { call.Copy(static_buffer), call.size = 1 << 20; }},
    {"overflow",
     [](Call& call) {
       char* volatile block = static_cast<char*>(std::malloc(100000));
       std::memset(block + 100000 - 8, 'x', 64);
       call.data = std::malloc(200000);
     }},
    {"no-size", [](Call& call) { call.Copy(std::malloc(kSize)), call.size = 0; }},
};

// The right ones with the same text and size.
const std::vector<std::string> kSame = {"malloc",         "calloc",    "realloc",        "realloc-large",
                                        "strdup",         "asprintf",  "posix_memalign", "aligned_alloc",
                                        "memalign-large", "new-array", "of-a-thread"};

}  // namespace

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return new Model;
}

extern "C" int process(void* model, const void* input, int input_size, void** output, int* output_size) {
  Call call{static_cast<Model*>(model), static_cast<const char*>(input), input_size};
  std::string name(call.input, static_cast<size_t>(input_size));
  static thread_local size_t turn = 0;
  if (name == "in-turn") name = kSame[turn++ % kSame.size()];
  const auto right = kRight.find(name);
  (right != kRight.end() ? right->second : kWrong.at(name))(call);
  *output = call.data;
  *output_size = call.size;
  return 200;
}
