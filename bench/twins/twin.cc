// What a cpp processor costs without the host: THREADS threads call process() with the same input for some seconds.
//
//   twin LIBRARY MODEL CONFIG INPUT THREADS
//
// Reads the seconds from a line of its standard input and prints one line of JSON: calls, seconds, and the CPU time of
// the process in microseconds; then the next line, so that turns can be interleaved with others.
#include <dlfcn.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using Initialize = void* (*)(const char*, const char*, int*);
using Process = int (*)(void*, const void*, int, void**, int*);

static double CpuMicroseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1e6 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int count, char** words) {
  if (count != 6) return 2;
  void* library = dlopen(words[1], RTLD_NOW);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const auto initialize = reinterpret_cast<Initialize>(dlsym(library, "initialize"));
  const auto process = reinterpret_cast<Process>(dlsym(library, "process"));
  int state = -1;
  void* model = initialize(words[2], words[3], &state);
  if (state != 0) return 1;
  std::ifstream file(words[4], std::ios::binary);
  const std::string input{std::istreambuf_iterator<char>(file), {}};
  const int threads = std::atoi(words[5]);

  for (std::string line; std::getline(std::cin, line);) {
    const std::chrono::duration<double> seconds(std::atof(line.c_str()));
    std::atomic<long> calls{0};
    std::atomic<bool> failed{false};
    const double before = CpuMicroseconds();
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        while (std::chrono::steady_clock::now() - begin < seconds) {
          void* output = nullptr;
          int size = 0;
          if (process(model, input.data(), static_cast<int>(input.size()), &output, &size) != 200)
            failed = true;
          std::free(output);
          ++calls;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    if (failed) return 1;
    std::printf("{\"calls\": %ld, \"seconds\": %f, \"cpu_us\": %f}\n", calls.load(), taken.count(),
                CpuMicroseconds() - before);
    std::fflush(stdout);
  }
}
