// A linear model behind HTTP: the score of "1 2" is bias + weight[0] * 1 + weight[1] * 2.
//
// The service's `model_config`, in service.json, has the bias and then the weights: "0.5 2 3". The host calls
// initialize() once and hands what it returned to every call of process(), from several threads at once; so the model
// is complete when initialize() returns and is only read after that, which needs no lock. The contract is in
// include/eas/processor.h.

#include <eas/processor.h>

#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Model {
  double bias = 0;
  std::vector<double> weights;
};

// The numbers in `text`, with spaces or commas between them; nothing if there is anything else in it.
std::optional<std::vector<double>> ParseNumbers(std::string text) {
  for (char& letter : text) {
    if (letter == ',') letter = ' ';
  }
  std::istringstream stream(text);
  std::vector<double> numbers;
  for (double number; stream >> std::ws && !stream.eof();) {
    if (!(stream >> number) || !std::isfinite(number)) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

double Score(const Model& model, const std::vector<double>& values) {
  double score = model.bias;
  for (std::size_t i = 0; i < values.size(); ++i) score += model.weights[i] * values[i];
  return score;
}

// Makes `text` the answer's body and returns `status`. The memory comes from malloc() because the host releases it with
// free().
int Answer(int status, const std::string& text, void** output_data, int* output_size) {
  if (text.size() > INT_MAX) return 500;  // the ABI counts in int
  *output_data = std::malloc(text.size() + 1);
  if (*output_data == nullptr) return 500;
  std::memcpy(*output_data, text.data(), text.size());
  *output_size = static_cast<int>(text.size());
  return status;
}

}  // namespace

void* initialize(const char* /*model_entry*/, const char* model_config, int* state) {
  const auto numbers = ParseNumbers(model_config);
  if (!numbers || numbers->size() < 2) {
    std::fprintf(stderr, "model_config must be a bias and at least one weight, such as 0.5 2 3; it is \"%s\"\n",
                 model_config);
    *state = 1;  // whatever is not 0 ends the start of the service
    return nullptr;
  }
  auto model = std::make_unique<Model>();
  model->bias = numbers->front();
  model->weights.assign(numbers->begin() + 1, numbers->end());
  *state = 0;
  return model.release();  // the ABI has no call that would release it: it lives as long as the service
}

int process(void* model_buf, const void* input_data, int input_size, void** output_data, int* output_size) {
  const Model& model = *static_cast<const Model*>(model_buf);
  // The input is no C string: it has a size, and no NUL at its end is promised.
  const auto values = ParseNumbers(std::string(static_cast<const char*>(input_data), input_size));
  if (!values) return Answer(400, "expected numbers, such as: 1 2", output_data, output_size);
  if (values->empty()) {
    return Answer(400, "the request is empty; send numbers, such as: 1 2", output_data, output_size);
  }
  if (values->size() != model.weights.size()) {
    return Answer(400,
                  "expected " + std::to_string(model.weights.size()) + " numbers, got " +
                      std::to_string(values->size()),
                  output_data, output_size);
  }
  std::ostringstream text;
  text << Score(model, *values);
  return Answer(200, text.str(), output_data, output_size);
}
