// Feeds process() images that nobody would send, and looks at what comes back.
//
// An own loop, so that gcc is all it takes, on any Debian: libFuzzer wants clang. What shows new steps in the
// library's code is kept and mutated further; the mutations know PNG and JPEG, since random bytes would not
// get past a check sum. OpenCV, libpng and libjpeg are not compiled for it: they are fuzzed elsewhere, and
// here they are only asked not to harm their caller.
//
//   fuzz --model FILE [--seconds N] [--seed N] [--crashes DIR] [FILE or FOLDER]...
//
// The files are run first, so `--seconds 0 FILE` repeats one. Before it is run, each input is written to
// DIR/last-input, where it is found after a crash, whatever the crash was.

#include <eas/processor.h>
#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "corpus.h"
#include "coverage.h"
#include "mutations.h"

namespace digits::fuzz {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr unsigned kSlowSeconds =
    60;  // for one image; the largest allowed takes about one, under the sanitizers
constexpr std::size_t kMostKept = 4000;  // inputs; far more than there are steps

struct Options {
  std::string model;
  int seconds = 0;
  std::uint64_t seed = 1;
  fs::path crashes = ".";
  std::vector<fs::path> paths;
};

Options ReadOptions(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const bool has_value = i + 1 < count;
    if (word == "--model" && has_value) {
      options.model = words[++i];
    } else if (word == "--seconds" && has_value) {
      options.seconds = std::atoi(words[++i]);
    } else if (word == "--seed" && has_value) {
      options.seed = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--crashes" && has_value) {
      options.crashes = words[++i];
    } else {
      options.paths.emplace_back(word);
    }
  }
  return options;
}

struct Reply {
  int status = 0;
  std::string text;

  bool operator==(const Reply& other) const { return status == other.status && text == other.text; }
};

[[noreturn]] void Fail(const char* what, const Reply& reply) {
  std::fprintf(stderr, "fuzz: %s: %d %s\n", what, reply.status, reply.text.c_str());
  std::abort();
}

void CheckScores(const Reply& reply) {
  const auto answer = nlohmann::json::parse(reply.text, nullptr, false);
  if (answer.is_discarded()) Fail("not JSON", reply);
  const auto scores = answer.at("scores").get<std::vector<double>>();
  double sum = 0;
  for (double score : scores) {
    if (score < 0 || score > 1) Fail("a score is no probability", reply);
    sum += score;
  }
  if (scores.size() != 10 || std::abs(sum - 1) > 1e-4) Fail("the scores are none of ten classes", reply);
  const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  if (scores[answer.at("class").get<std::size_t>()] < scores[static_cast<std::size_t>(best)]) {
    Fail("the class is not the best", reply);
  }
}

void Check(const Reply& reply) {
  constexpr std::string_view kTexts[] = {
      "input data should not be empty", "not an image: expected JPEG or PNG",
      "the image is too small: ",       "the image is too large: ",
      "the image is truncated",         "the image is broken: "};
  if (reply.status == 200) return CheckScores(reply);
  const bool is_known = std::any_of(std::begin(kTexts), std::end(kTexts), [&reply](std::string_view text) {
    return reply.text.compare(0, text.size(), text) == 0;
  });
  if (reply.status != 400 || !is_known) Fail("an answer that must not be", reply);
}

// The processor, and the file that holds what it is busy with.
class Target {
 public:
  explicit Target(const Options& options)
      : last_input_(options.crashes / "last-input"),
        descriptor_(open(last_input_.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644)) {
    int state = -1;
    model_ = initialize(options.model.c_str(), R"({"top_k": 10})", &state);
    if (state != 0 || descriptor_ < 0) std::exit(2);
  }
  ~Target() {
    close(descriptor_);
    fs::remove(last_input_);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // Runs it twice if `twice`: memory that nobody has written shows in answers that differ.
  Reply Run(const Input& input, bool twice) {
    if (ftruncate(descriptor_, 0) != 0 ||
        pwrite(descriptor_, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
      std::exit(2);
    }
    alarm(kSlowSeconds);
    const Reply reply = Call(input);
    if (twice && !(Call(input) == reply)) Fail("another answer the first time", reply);
    alarm(0);
    Check(reply);
    ++runs_;
    answered_ += reply.status == 200;
    return reply;
  }

  long runs() const { return runs_; }
  long answered() const { return answered_; }

 private:
  Reply Call(const Input& input) {
    // Memory of exactly this size, so that one byte too many is seen.
    const auto exact = std::make_unique<std::uint8_t[]>(input.size());
    std::copy(input.begin(), input.end(), exact.get());
    void* data = nullptr;
    int size = 0;
    Reply reply;
    reply.status = process(model_, exact.get(), static_cast<int>(input.size()), &data, &size);
    reply.text.assign(static_cast<const char*>(data), static_cast<std::size_t>(size));
    std::free(data);
    return reply;
  }

  const fs::path last_input_;
  const int descriptor_;
  void* model_;  // the host's side of the ABI: never released
  long runs_ = 0;
  long answered_ = 0;
};

void Print(const char* when, const Target& target, std::size_t kept) {
  std::printf("fuzz: %s: %ld images, %ld of them answered, %zu kept, %zu steps seen\n", when, target.runs(),
              target.answered(), kept, StepsSeen());
  std::fflush(stdout);
}

int Main(const Options& options) {
  Dice dice(options.seed);
  Target target(options);
  std::vector<Input> kept = ReadInputs(options.paths);
  if (options.seconds > 0) {
    std::vector<Input> made = MakeInputs(dice);
    std::move(made.begin(), made.end(), std::back_inserter(kept));
  }
  for (const Input& input : kept) {
    const Reply reply = target.Run(input, true);
    if (options.seconds == 0) std::printf("%d %s\n", reply.status, reply.text.c_str());
  }
  Print("begin", target, kept.size());

  const Clock::time_point end = Clock::now() + std::chrono::seconds(options.seconds);
  while (Clock::now() < end) {
    Input input = dice.Pick(kept);
    Mutate(dice, input);
    const std::size_t before = StepsSeen();
    target.Run(input, dice.OneIn(8));
    if (StepsSeen() > before && kept.size() < kMostKept) kept.push_back(std::move(input));
  }
  Print("end", target, kept.size());
  __lsan_do_leak_check();  // now: the model, which is never released, is still known
  return 0;
}

}  // namespace
}  // namespace digits::fuzz

int main(int count, char** words) { return digits::fuzz::Main(digits::fuzz::ReadOptions(count, words)); }
