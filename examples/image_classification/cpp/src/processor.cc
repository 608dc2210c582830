// The two functions that the host calls; eas/processor.h has their contract. Inside, mistakes are exceptions;
// here they become states and statuses, so that none leaves the library, whatever host it is in.

#include <eas/processor.h>

#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <opencv2/core/utility.hpp>
#include <string_view>

#include "answer.h"
#include "bad_image.h"
#include "classifier.h"
#include "config.h"
#include "grey.h"
#include "ink.h"
#include "picture.h"
#include "scaling.h"

namespace digits {
namespace {

struct Processor {
  Config config;
  Classifier classifier;
};

std::string Classify(Processor& processor, Bytes file) {
  const Picture picture = DecodePicture(file);
  const Digit digit = ToInk(Scale(GreyRows(picture)), processor.config.invert);
  return WriteAnswer(processor.classifier.Classify(digit), processor.config.top_k);
}

// Hands `text` over and returns `status`. The memory comes from malloc() because the host releases it with
// free().
int Answer(int status, std::string_view text, void** output_data, int* output_size) {
  *output_data = std::malloc(text.size());
  if (*output_data == nullptr) return 500;
  std::memcpy(*output_data, text.data(), text.size());
  *output_size = static_cast<int>(text.size());
  return status;
}

}  // namespace
}  // namespace digits

using namespace digits;

void* initialize(const char* model_entry, const char* model_config, int* state) {
  try {
    // The host runs several calls side by side. Threads of OpenCV's own would be more than there are cores,
    // and would cost more to wake than a network as small as this has to compute.
    cv::setNumThreads(1);
    auto processor =
        std::unique_ptr<Processor>(new Processor{ReadConfig(model_config), Classifier(model_entry)});
    *state = 0;
    return processor.release();  // the ABI has no call that would release it: it lives as long as the service
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    *state = 400;
    return nullptr;
  }
}

int process(void* model_buf, const void* input_data, int input_size, void** output_data, int* output_size) {
  const Bytes file(static_cast<const std::uint8_t*>(input_data), static_cast<std::size_t>(input_size));
  try {
    return Answer(200, Classify(*static_cast<Processor*>(model_buf), file), output_data, output_size);
  } catch (const BadImage& error) {
    return Answer(400, error.what(), output_data, output_size);
  } catch (const std::exception& error) {  // no memory, or a mistake of ours
    std::fprintf(stderr, "process: %s\n", error.what());
    return Answer(500, error.what(), output_data, output_size);
  }
}
