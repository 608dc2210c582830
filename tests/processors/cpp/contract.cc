// The C++ side of the contract table: one processor whose input says what to do.
//
// An input that starts with the six bytes of kMagic is a command, "verb" or "verb:argument"; anything else is echoed, byte for
// byte. The Java and Python files of the same name know the same verbs, so that one table of cases serves the three languages.
// The verbs under "die:" damage the process and are used where workers are isolated.

#include <eas/processor.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

struct Odd {};

// Not in the anonymous namespace: a frame has a name where its function is exported, as users' functions are by default.
[[noreturn]] void user_code_that_throws(const std::string& text) { throw std::runtime_error(text); }
[[noreturn]] void user_code_that_throws_an_int() { throw 42; }

namespace {

const std::string kMagic("\0\xff\0do ", 6);

std::string loaded;  // what initialize saw
int loads = 0;
std::atomic<int> empties{0};
volatile int zero = 0;

int Answer(const std::string& text, int status, void** output, int* size) {
  *output = malloc(text.size() + 1);
  memcpy(*output, text.data(), text.size());
  *size = static_cast<int>(text.size());
  return status;
}

// Cuts "first:rest" at the first colon; without one all of it is first.
std::string Cut(std::string* text) {
  size_t colon = text->find(':');
  std::string first = text->substr(0, colon);
  *text = colon == std::string::npos ? "" : text->substr(colon + 1);
  return first;
}

void Tell(const std::string& folder, const char* event, const std::string& body) {
  std::string line = std::string(event) + " " + std::to_string(getpid()) + " " + body.substr(0, 64) + "\n";
  int fd = open((folder + "/entered").c_str(), O_WRONLY | O_CLOEXEC);
  if (write(fd, line.data(), line.size()) < 0) perror("entered");
  close(fd);
}

// Says that it is inside, and stays inside until the test writes a byte. See support/gate.py.
void Pass(const std::string& folder, const std::string& body) {
  Tell(folder, "enter", body);
  int fd = open((folder + "/leave").c_str(), O_RDONLY | O_CLOEXEC);
  char byte;
  if (read(fd, &byte, 1) < 0) perror("leave");
  close(fd);
  Tell(folder, "leave", body);
}

// Returns "met" once `people` threads are here at the same time; the wait ends so that a failure is no hang.
std::string Meet(size_t people, const std::string& place) {
  static std::mutex mutex;
  static std::condition_variable came;
  static std::map<std::string, size_t> present;
  std::unique_lock<std::mutex> lock(mutex);
  present[place]++;
  came.notify_all();
  bool met = came.wait_for(lock, std::chrono::seconds(20), [&] { return present[place] >= people; });
  return met ? "met" : "alone";
}

int Deep(int depth) {
  volatile char room[4096];
  room[depth % 4096] = 1;
  return Deep(depth + 1) + room[depth % 7];
}

void Promised() noexcept { throw std::runtime_error("thrown out of a noexcept function"); }

void TouchBeyondFile() {
  char path[] = "/tmp/sigbus-XXXXXX";
  int fd = mkstemp(path);
  unlink(path);
  char* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0));
  zero = page[0];
}

int Die(std::string how) {
  std::string kind = Cut(&how);
  if (kind == "segv") *reinterpret_cast<volatile int*>(static_cast<intptr_t>(zero) + 16) = 1;
  if (kind == "jump") reinterpret_cast<void (*)()>(static_cast<intptr_t>(zero))();
  if (kind == "abort") abort();
  if (kind == "fpe") zero = 7 / zero;  // not 1: compilers know a way without division
  if (kind == "ill") __builtin_trap();
  if (kind == "bus") TouchBeyondFile();
  if (kind == "deep") zero = Deep(0);
  if (kind == "terminate") Promised();
  if (kind == "_exit") _exit(atoi(how.c_str()));
  if (kind == "exit_group")
    syscall(SYS_exit_group, atoi(how.c_str()));  // which nothing in the process can see
  if (kind == "exit") exit(atoi(how.c_str()));
  if (kind == "kill") kill(getpid(), SIGKILL);
  if (kind == "term") kill(getpid(), SIGTERM);
  if (kind == "hang") pause();
  while (kind == "spin") zero = 0;
  return 200;
}

// "50:abort": a thread of its own does that after 50 ms, when the request is long answered.
void DieLater(std::string how) {
  const int milliseconds = atoi(Cut(&how).c_str());
  std::thread([milliseconds, how] {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    Die(how);
  }).detach();
}

int Obey(std::string command, void* input, int input_size, void** output, int* size) {
  std::string verb = Cut(&command);
  if (verb == "status") {
    int status = static_cast<int>(strtol(Cut(&command).c_str(), nullptr, 10));
    return Answer(command, status, output, size);
  }
  if (verb == "throw") user_code_that_throws(command);
  if (verb == "throw-other") user_code_that_throws_an_int();
  if (verb == "throw-odd") throw Odd();
  if (verb == "null") return atoi(command.c_str());
  if (verb == "size")
    return Answer(std::string(strtoul(command.c_str(), nullptr, 10), 's'), 200, output, size);
  if (verb == "size-status")
    return Answer(std::string(strtoul(command.c_str(), nullptr, 10), 's'), 500, output, size);
  if (verb == "negative") return *size = -1, 200;
  if (verb == "negative-buffer") return *output = malloc(8), *size = -8, 200;
  if (verb == "null-size") return *size = 5, 200;
  if (verb == "empty-buffer") return *output = malloc(8), *size = 0, 200;
  if (verb == "preset") return Answer(*output == nullptr && *size == 0 ? "yes" : "no", 200, output, size);
  if (verb == "print") {
    printf("out %s\n", command.c_str());
    fprintf(stderr, "err %s\n", command.c_str());
    return Answer("printed", 200, output, size);
  }
  if (verb == "meet") {
    size_t people = strtoul(Cut(&command).c_str(), nullptr, 10);
    return Answer(Meet(people, command), 200, output, size);
  }
  if (verb == "gate" || verb == "scribble") {
    std::string folder = Cut(&command);
    if (verb == "scribble") memset(input, 'X', static_cast<size_t>(input_size));
    Pass(folder, command);
    return Answer(command, 200, output, size);
  }
  if (verb == "loaded") return Answer(loaded, 200, output, size);
  if (verb == "empties") return Answer(std::to_string(empties), 200, output, size);
  if (verb == "pid") return Answer(std::to_string(getpid()), 200, output, size);
  if (verb == "later") return DieLater(command), Answer(std::to_string(getpid()), 200, output, size);
  if (verb == "die") return Die(command);
  return Answer("unknown verb " + verb, 404, output, size);
}

}  // namespace

extern "C" void* initialize(const char* model_entry, const char* model_config, int* state) {
  char* folder = getcwd(nullptr, 0);
  loaded = "state=" + std::to_string(*state) + "\nloads=" + std::to_string(++loads) + "\nfolder=" + folder;
  loaded += std::string("\nentry=") + (model_entry ? model_entry : "NULL");
  loaded += std::string("\nconfig=") + (model_config ? model_config : "NULL");
  free(folder);
  *state = 0;
  return nullptr;  // a good model: the state is the only verdict
}

extern "C" int process(void*, const void* input_data, int input_size, void** output_data, int* output_size) {
  size_t size = static_cast<size_t>(input_size);
  if (size == 0) empties++;
  if (size >= kMagic.size() && memcmp(input_data, kMagic.data(), kMagic.size()) == 0) {
    std::string command(static_cast<const char*>(input_data) + kMagic.size(), size - kMagic.size());
    return Obey(command, const_cast<void*>(input_data), input_size, output_data, output_size);
  }
  *output_data = malloc(size + 1);
  memcpy(*output_data, input_data, size);
  *output_size = input_size;
  return 0;
}

// Does what each body says, one after the other. What fails for one fails for the batch: it does not say for which.
extern "C" int batch_process(void* model, const void* inputs[], int* sizes, void* outputs[],
                             int* output_sizes) {
  int status = 200;
  for (int i = 0; inputs[i] != nullptr; ++i) {
    const int one = process(model, inputs[i], sizes[i], &outputs[i], &output_sizes[i]);
    if (one != 0 && one != 200) status = one;
    if (inputs[1] == nullptr) return one;
  }
  return status;
}
