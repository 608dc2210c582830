#include "ink.h"

#include <algorithm>

namespace digits {
namespace {

constexpr double kLeastContrast = 16;  // of 255; below that there is noise, but no stroke

double RingMean(const Region& region) {
  double sum = 0;
  int count = 0;
  for (int y = 0; y < region.height; ++y) {
    const bool whole_row = y == 0 || y == region.height - 1;
    const int step = whole_row ? 1 : std::max(1, region.width - 1);
    for (int x = 0; x < region.width; x += step, ++count) sum += region.At(x, y);
  }
  return sum / count;
}

}  // namespace

Digit ToInk(const Region& region, Invert invert) {
  double paper = RingMean(region);
  const auto used = region.values.begin() + region.width * region.height;
  const auto [darkest, brightest] = std::minmax_element(region.values.begin(), used);
  // Not half of 255: paper in dim light is darker than that, and still lighter than its ink.
  const bool light_paper = paper > (*darkest + *brightest) / 2;
  const bool inverted = invert == Invert::kAlways || (invert == Invert::kAuto && light_paper);
  const double ink = inverted ? 255 - *darkest : *brightest;
  if (inverted) paper = 255 - paper;

  Digit digit = {};
  if (ink - paper < kLeastContrast) return digit;  // a blank page
  const int left = (kSide - region.width) / 2;
  const int top = (kSide - region.height) / 2;
  for (int y = 0; y < region.height; ++y) {
    for (int x = 0; x < region.width; ++x) {
      const double value = inverted ? 255 - region.At(x, y) : region.At(x, y);
      digit[static_cast<std::size_t>((top + y) * kSide + left + x)] =
          static_cast<float>(std::clamp((value - paper) / (ink - paper), 0.0, 1.0));
    }
  }
  return digit;
}

}  // namespace digits
