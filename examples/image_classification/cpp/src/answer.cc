#include "answer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace digits {
namespace {

// Six decimals. printf() would ask the locale for its decimal point. The product is exact, since a float has
// 24 bits and 1,000,000 needs 14 of a double's 53; so this rounds once, as other languages' formatting does.
void AppendScore(float score, std::string* text) {
  const std::string millionths = std::to_string(std::lrint(double{score} * 1'000'000));
  const std::string padded = std::string(7 - std::min<std::size_t>(7, millionths.size()), '0') + millionths;
  *text += padded.substr(0, padded.size() - 6) + "." + padded.substr(padded.size() - 6);
}

std::array<int, 10> BestFirst(const Scores& scores) {
  std::array<int, 10> classes;
  std::iota(classes.begin(), classes.end(), 0);
  std::stable_sort(classes.begin(), classes.end(), [&scores](int one, int other) {
    return scores[static_cast<std::size_t>(one)] > scores[static_cast<std::size_t>(other)];
  });
  return classes;
}

}  // namespace

std::string WriteAnswer(const Scores& scores, int top_k) {
  const std::array<int, 10> best = BestFirst(scores);
  std::string text = R"({"class": )" + std::to_string(best[0]) + R"(, "scores": [)";
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (i > 0) text += ", ";
    AppendScore(scores[i], &text);
  }
  text += R"(], "top_k": [)";
  for (int i = 0; i < top_k; ++i) {
    const int place = best[static_cast<std::size_t>(i)];
    text += (i > 0 ? R"(, {"class": )" : R"({"class": )") + std::to_string(place) + R"(, "score": )";
    AppendScore(scores[static_cast<std::size_t>(place)], &text);
    text += "}";
  }
  text += "]}";
  return text;
}

}  // namespace digits
