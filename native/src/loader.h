// A cpp processor as a loaded shared object: its functions, and the model that initialize returned. There is
// one more function, which is not called here (docs/eas-compatibility.md, section 1.1).
#ifndef EAS_NATIVE_LOADER_H_
#define EAS_NATIVE_LOADER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace eas {

using InitializeFunction = void* (*)(const char* model_entry, const char* model_config, int* state);
using ProcessFunction = int (*)(void* model, const void* input, int input_size, void** output,
                                int* output_size);
using BatchFunction = int (*)(void* model, const void* inputs[], int* input_sizes, void* outputs[],
                              int* output_sizes);

using DoneCallback = void (*)(const char* output, int output_size, int64_t request_id, int finished,
                              int error_code);
using AsyncFunction = void (*)(void* model, const void* input, int input_size, int64_t request_id,
                               DoneCallback done);

using CancelFunction = void (*)(void* model, int64_t request_id);

struct Processor {
  InitializeFunction initialize = nullptr;
  ProcessFunction process = nullptr;
  BatchFunction batch_process = nullptr;  // null if it has none
  void* model = nullptr;
  AsyncFunction async_process = nullptr;  // null if it has none
  CancelFunction async_cancel = nullptr;  // null if it has none
  size_t libraries_before = 0;            // how many were loaded before it
  // Set when it was said that process leaves output_size at 0; this is no news then.
  mutable std::atomic_flag size_missed = ATOMIC_FLAG_INIT;
};

// See eas_cpp_open. A shared object that was opened is never unloaded: its own threads, its atexit handlers
// and the types of its exceptions may be in use after the last request.
std::unique_ptr<Processor> OpenProcessor(const char* path, std::string* error);

// See eas_cpp_initialize. False if it threw.
bool Initialize(Processor& processor, const char* model_entry, const char* model_config, int* state,
                std::string* error);

}  // namespace eas

#endif  // EAS_NATIVE_LOADER_H_
