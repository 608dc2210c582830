// A processor that answers by async_process: threads of its own echo what it is given, unless that says how it is answered,
// "VERB:ARGUMENT". Later.java and async_contract.py know most of these verbs, and streams.py those that answer in parts.

#include <eas/processor.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

const std::string kMagic("\0\xff\0do ", 6);  // which commands have under load (tests/support/wire.py)

struct Request {
  const char* input;
  int size;
  int64_t id;
  DoneCallback done;

  void Done(const std::string& output, int finished = 1, int status = 200) const {
    done(output.data(), static_cast<int>(output.size()), id, finished, status);
  }
};

// Never destroyed: at the end of the process threads still wait, and the destructor of a condition would wait for them.
std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
auto& tasks = *new std::deque<std::function<void()>>;  // for the threads of this processor
auto& held = *new std::map<std::string, Request>;      // until "release"
auto& cancelled = *new std::set<int64_t>;              // requests of "endless"

void Work() {
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [] { return !tasks.empty(); });
    std::function<void()> task = std::move(tasks.front());
    tasks.pop_front();
    lock.unlock();
    task();
  }
}

void Later(std::function<void()> task) {
  std::lock_guard<std::mutex> lock(mutex);
  tasks.push_back(std::move(task));
  changed.notify_one();
}

// Cuts "first:rest" at the first colon.
std::string Cut(std::string* text) {
  size_t colon = text->find(':');
  std::string first = text->substr(0, colon);
  *text = colon == std::string::npos ? "" : text->substr(colon + 1);
  return first;
}

void Die(std::string how) {
  const std::string kind = Cut(&how);  // what follows tells apart the requests of a test under load
  if (kind == "segv") *reinterpret_cast<volatile int*>(static_cast<intptr_t>(16)) = 1;
  if (kind == "abort") abort();
  if (kind == "exit") _exit(3);
  kill(getpid(), SIGKILL);
}

Request Take(const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = held.find(name);
  if (found == held.end()) throw std::runtime_error("nothing is held as " + name);
  Request request = found->second;
  held.erase(found);
  return request;
}

// COUNT:SIZE, of the letters b, c, ...
void SendParts(const Request& request, std::string text) {
  const int parts = atoi(Cut(&text).c_str());
  const auto size = static_cast<size_t>(atoi(text.c_str()));
  std::thread([=] {
    for (int i = 1; i <= parts; ++i) request.Done(std::string(size, static_cast<char>('a' + i % 26)), 0);
    request.Done("");
  }).detach();
}

bool IsCancelled(int64_t id) {
  std::lock_guard<std::mutex> lock(mutex);
  return cancelled.count(id) != 0;
}

// NAME:SIZE, parts until nobody waits for them.
void SendEndless(const Request& request, std::string text) {
  const std::string name = Cut(&text);
  const auto size = static_cast<size_t>(atoi(text.c_str()));
  std::thread([=] {
    while (!IsCancelled(request.id)) request.Done(std::string(size, 'x'), 0);
    printf("closed %s\n", name.c_str());
    request.Done("");
  }).detach();
}

// A part for each byte that the test writes into a pipe, with all that a stream may do as further bytes (streams.py).
void SendGated(const Request& request, const std::string& path) {
  std::thread([=] {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char byte = '~';
    while (read(fd, &byte, 1) == 1 && byte != '~' && byte != '!') {
      if (byte == '#') abort();
      request.Done(byte == '0' ? "" : std::string(1, byte), 0);
    }
    close(fd);
    byte == '!' ? request.Done("in the midst", 1, 400) : request.Done("");
  }).detach();
}

void Tell(const std::string& folder, const char* event, const std::string& body) {
  const std::string line = std::string(event) + " " + std::to_string(getpid()) + " " + body + "\n";
  const int fd = open((folder + "/entered").c_str(), O_WRONLY | O_CLOEXEC);
  if (write(fd, line.data(), line.size()) < 0) perror("entered");
  close(fd);
}

// FOLDER:BODY is answered when the test lets it go (tests/support/gate.py).
void Gate(const Request& request, std::string body) {
  const std::string folder = Cut(&body);
  std::thread([=] {
    Tell(folder, "enter", body);
    const int fd = open((folder + "/leave").c_str(), O_RDONLY | O_CLOEXEC);
    char byte;
    if (read(fd, &byte, 1) < 0) perror("leave");
    close(fd);
    Tell(folder, "leave", body);
    request.Done(body);
  }).detach();
}

// Keeps it until "release", or for ever.
void Hold(const Request& request, const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex);
  held[name] = request;
  printf("holds %s\n", name.c_str());
}

// FOLDER:NAME is held; in its second run it is answered at once.
void Once(const Request& request, std::string text) {
  std::string path = Cut(&text) + "/" + text;
  int fd = open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Later([=] { request.Done("again " + text); });
  close(fd);
  Hold(request, text);
}

// NAME or NAME:MORE: what is held as that name is answered with its input, which must still be there.
void Release(const Request& request, std::string text) {
  Request other = Take(Cut(&text));
  other.Done(std::string(other.input, static_cast<size_t>(other.size)) + text);
  request.Done("released");
}

// NAME:PART is a part for what is held as that name.
void Part(const Request& request, std::string text) {
  std::string name = Cut(&text);
  std::unique_lock<std::mutex> lock(mutex);
  Request other = held.at(name);
  lock.unlock();
  other.Done(text, 0);
  request.Done("sent");
}

void Fail(const Request& request, const std::string& name) {
  Take(name).Done("no answer", 1, 400);
  request.Done("failed");
}

// 404:TEXT
void Status(const Request& request, std::string text) {
  int status = atoi(Cut(&text).c_str());
  Later([=] { request.Done(text, 1, status); });
}

void Twice(const Request& request, const std::string& text) {
  Later([=] {
    request.Done(text);
    request.Done("again");
    request.done("x", 1, int64_t{1} << 40, 1, 0);
  });
}

using Verb = void (*)(const Request& request, const std::string& argument);

const std::map<std::string, Verb>& verbs = *new std::map<std::string, Verb>{
    {"inside", [](const Request& request, const std::string& text) { request.Done(text); }},
    {"later", [](const Request& request, const std::string& text) { Later([=] { request.Done(text); }); }},
    {"status", [](const Request& request, const std::string& text) { Status(request, text); }},
    {"hold", Hold},
    {"once", [](const Request& request, const std::string& text) { Once(request, text); }},
    {"gate", [](const Request& request, const std::string& text) { Gate(request, text); }},
    {"release", [](const Request& request, const std::string& text) { Release(request, text); }},
    {"fail", Fail},
    {"part", [](const Request& request, const std::string& text) { Part(request, text); }},
    {"parts", [](const Request& request, const std::string& text) { SendParts(request, text); }},
    {"gated", SendGated},
    {"endless", [](const Request& request, const std::string& text) { SendEndless(request, text); }},
    {"twice", Twice},
    {"throw", [](const Request&, const std::string& text) { throw std::runtime_error(text); }},
    {"hold and throw",
     [](const Request& request, const std::string& text) {
       Hold(request, text);
       throw std::runtime_error(text);
     }},
    {"end", [](const Request&, const std::string&) { pthread_exit(nullptr); }},
    {"wrong", [](const Request& request,
                 const std::string&) { Later([=] { request.done("x", -1, request.id, 1, 200); }); }},
    {"nowhere", [](const Request& request,
                   const std::string&) { Later([=] { request.done(nullptr, 0, request.id, 1, 200); }); }},
    {"bad pointer",
     [](const Request& request, const std::string&) {
       Later([=] { request.done(request.input - (intptr_t{1} << 44), 64, request.id, 1, 200); });
     }},
    {"die", [](const Request&, const std::string& how) { Die(how); }},
    {"die later", [](const Request&, const std::string& how) { Later([=] { Die(how); }); }},
};

}  // namespace

void* initialize(const char*, const char*, int* state) {
  for (int i = 0; i < 2; ++i) std::thread(&Work).detach();
  *state = 0;
  return nullptr;
}

int process(void*, const void*, int, void** output, int* size) {
  *output = malloc(1);
  **reinterpret_cast<char**>(output) = '!';
  *size = 1;
  return 500;
}

void async_process(void*, const void* input, int size, int64_t id, DoneCallback done) {
  const Request request{static_cast<const char*>(input), size, id, done};
  std::string text(static_cast<const char*>(input), static_cast<size_t>(size));
  if (text.compare(0, kMagic.size(), kMagic) == 0) text.erase(0, kMagic.size());
  const auto known = verbs.find(Cut(&text));
  if (known != verbs.end()) return known->second(request, text);
  Later([=] { request.done(request.input, request.size, request.id, 1, 0); });
}

// What is held stays so, as in a processor that cannot stop what it has begun.
void eas_async_cancel(void*, int64_t id) {
  std::lock_guard<std::mutex> lock(mutex);
  cancelled.insert(id);
  for (const auto& [name, request] : held) {
    if (request.id != id) continue;
    printf("cancelled %s\n", name.c_str());
    if (name == "throws") throw std::runtime_error("cannot be cancelled");
    if (name == "ends") pthread_exit(nullptr);
  }
}
