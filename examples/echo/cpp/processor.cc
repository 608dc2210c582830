// Echo: answers with the files of its model and with what it was sent.
//
// A whole processor in its smallest form. The host calls initialize() once and hands what it returned to every
// call of process(), from several threads at once; so the model is complete when initialize() returns and is only
// read after that, which needs no lock. The contract is in eas/processor.h.

#include <eas/processor.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Echo {
  // The model's path; for a folder, followed by the names in it: "model,a.bin,b.bin".
  std::string model_files;
};

// Fills *files as Echo tells. Reports what cannot be read in the return value: no exception leaves
// initialize().
std::error_code ListModelFiles(const std::string& model_entry, std::string* files) {
  *files = model_entry;
  std::error_code error;
  if (model_entry.empty() || !fs::is_directory(fs::status(model_entry, error))) return error;

  std::vector<std::string> names;
  for (fs::directory_iterator entry(model_entry, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());  // a file system gives them in any order
  for (const std::string& name : names) *files += "," + name;
  return error;
}

// Joins `pieces` into the output and returns `status`. The memory comes from malloc() because the host releases
// it with free(); it is not NUL-terminated because it has a size.
int Answer(int status, std::initializer_list<std::string_view> pieces, void** output_data, int* output_size) {
  std::size_t size = 0;
  for (std::string_view piece : pieces) size += piece.size();
  if (size > INT_MAX) return 413;  // the ABI counts in int

  char* output = static_cast<char*>(std::malloc(size));
  if (output == nullptr) return 500;
  *output_data = output;
  *output_size = static_cast<int>(size);
  for (std::string_view piece : pieces) {
    std::memcpy(output, piece.data(), piece.size());
    output += piece.size();
  }
  return status;
}

}  // namespace

void* initialize(const char* model_entry, const char* /*model_config*/, int* state) {
  auto echo = std::make_unique<Echo>();
  if (std::error_code error = ListModelFiles(model_entry, &echo->model_files)) {
    std::fprintf(stderr, "cannot list the model %s: %s\n", model_entry, error.message().c_str());
    *state = 400;
    return nullptr;
  }
  *state = 0;
  return echo.release();  // the ABI has no call that would release it: it lives as long as the service
}

int process(void* model_buf, const void* input_data, int input_size, void** output_data, int* output_size) {
  const Echo* echo = static_cast<const Echo*>(model_buf);
  if (input_size == 0) return Answer(400, {"input data should not be empty"}, output_data, output_size);

  const std::string_view input(static_cast<const char*>(input_data), static_cast<std::size_t>(input_size));
  // The comma after "inputcontent" is EAS's own: clients that match this text must see the same bytes here.
  return Answer(200, {R"({"modelfiles": ")", echo->model_files, R"(", "inputcontent", ")", input, R"("})"},
                output_data, output_size);
}
