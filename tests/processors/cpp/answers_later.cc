// A processor that answers by async_process: threads of its own echo what it is given, unless that is a command (support/wire.py)
// that says how it is answered.

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
#include <stdexcept>
#include <string>
#include <thread>

namespace {

const std::string kMagic("\0\xff\0do ", 6);

struct Request {
  const char* input;
  int size;
  int64_t id;
  DoneCallback done;
  std::string body;  // without the magic bytes

  void Done(const std::string& output, int finished = 1, int status = 200) const {
    done(output.data(), static_cast<int>(output.size()), id, finished, status);
  }
};

// Never destroyed: at the end of the process threads still wait, and the destructor of a condition would wait for them.
std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
auto& tasks = *new std::deque<std::function<void()>>;  // for the threads of this processor
auto& held = *new std::map<std::string, Request>;      // until "release"

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
  const std::string kind = Cut(&how);
  if (kind == "segv") *reinterpret_cast<volatile int*>(static_cast<intptr_t>(16)) = 1;
  if (kind == "abort") abort();
  if (kind == "_exit") _exit(atoi(how.c_str()));
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

void SendParts(const Request& request, int parts, const std::string& part) {
  std::thread([=] {
    for (int i = 0; i < parts; ++i) request.Done(part, 0, 200);
    request.Done("");
  }).detach();
}

// Keeps it until "release", or for ever.
void Hold(const Request& request, const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex);
  held[name] = request;
  printf("holds %s\n", name.c_str());
}

void Obey(const Request& request, std::string text) {
  std::string verb = Cut(&text);
  if (verb == "inside") return request.Done(text);
  if (verb == "status") {
    int status = atoi(Cut(&text).c_str());
    return Later([=] { request.Done(text, 1, status); });
  }
  if (verb == "hold") return Hold(request, text);
  if (verb == "once") {  // folder:name: the same, but in its second run it answers at once
    std::string path = Cut(&text) + "/" + text;
    int fd = open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return Later([=] { request.Done("again " + text); });
    close(fd);
    return Hold(request, text);
  }
  if (verb == "release") {  // name:answer
    Request other = Take(Cut(&text));
    other.Done(other.body + text);
    return request.Done("released");
  }
  if (verb == "part") {  // a part for what is held as that name
    std::string name = Cut(&text);
    std::unique_lock<std::mutex> lock(mutex);
    Request other = held.at(name);
    lock.unlock();
    other.Done(text, 0, 200);
    return request.Done("sent");
  }
  if (verb == "fail") {  // what is held as that name, and has sent parts
    Take(text).Done("no more memory", 1, 500);
    return request.Done("failed");
  }
  if (verb == "parts") {
    int parts = atoi(Cut(&text).c_str());
    return SendParts(request, parts, std::string(static_cast<size_t>(atoi(text.c_str())), 'x'));
  }
  if (verb == "twice") {
    return Later([=] {
      request.Done(text);
      request.Done("again");
      request.done("x", 1, int64_t{1} << 40, 1, 0);
    });
  }
  if (verb == "throw") throw std::runtime_error(text);
  if (verb == "hold and throw") {
    Hold(request, text);
    throw std::runtime_error(text);
  }
  if (verb == "end") pthread_exit(nullptr);
  if (verb == "negative") return Later([=] { request.done("x", -1, request.id, 1, 200); });
  if (verb == "nowhere") return Later([=] { request.done(nullptr, 0, request.id, 1, 200); });
  if (verb == "bad pointer")
    return Later([=] { request.done(request.input - (intptr_t{1} << 44), 64, request.id, 1, 200); });
  if (verb == "die") return Die(text);
  if (verb == "die later") return Later([=] { Die(text); });
  if (verb == "hang") pause();
  request.Done("unknown command", 1, 404);
}

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
  const std::string text(static_cast<const char*>(input), static_cast<size_t>(size));
  const bool command = text.compare(0, kMagic.size(), kMagic) == 0;
  const Request request{static_cast<const char*>(input), size, id, done,
                        command ? text.substr(kMagic.size()) : ""};
  if (command) return Obey(request, request.body);
  Later([=] { request.done(request.input, request.size, request.id, 1, 0); });
}
