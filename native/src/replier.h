// Completes requests of a cpp processor with what it has put out: checks, copies and frees each output.
#ifndef EAS_NATIVE_REPLIER_H_
#define EAS_NATIVE_REPLIER_H_

#include <cstdint>
#include <string>

#include "exception_guard.h"
#include "loader.h"
#include "output_check.h"
#include "ring.h"

namespace eas {

// Not thread safe: each thread has its own object, as it has its own OutputCheck.
class Replier {
 public:
  // `function` is the name of the processor's function whose outputs these are.
  Replier(const Processor& processor, Ring& ring, uint32_t worker, uint32_t thread, const char* function);

  // Completes `call`, whose input was `input`, with the status and the output that the function returned. The
  // output is freed, whatever it is, if it can be.
  void ReplyOutput(const eas_call& call, int status, const void* input, void* output, int output_size);

  // Logs the exception that the function threw, and completes `call` with it.
  void ReplyThrown(const eas_call& call, const Thrown& thrown);

  // Logs `problem`, what is wrong with an output that is not freed, and completes `call` with its first line:
  // the log gets the frames, too.
  void ReplyBadOutput(const eas_call& call, const std::string& problem);

  // Logs `message` and completes `call` with it.
  void ReplyError(const eas_call& call, int outcome, const std::string& message);

  // Logs that the function ended its thread, and completes `call` with that.
  void ReplyEndedThread(const eas_call& call);

  // Frees an output that answers nothing, if it can be freed; logs what it is otherwise.
  void Discard(const eas_call& call, const void* input, void* output, int output_size);

 private:
  void NoteWrongSize(const void* output, int output_size, std::string* problem);
  void NoteMissingSize(int status, const char* output);

  const Processor& processor_;
  Ring& ring_;
  const uint32_t worker_;
  const uint32_t thread_;
  const std::string function_;
  OutputCheck check_;
};

// The status of a function's success.
inline bool IsSuccess(int status) { return status == 0 || status == 200; }

}  // namespace eas

#endif  // EAS_NATIVE_REPLIER_H_
