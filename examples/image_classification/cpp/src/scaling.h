// A picture brought to at most 28 x 28 values. The ratio of its sides is kept, and each value is the mean of
// the area that it stands for, with the fractions of the pixels at its edges: no pixel is left out, as thin
// strokes would be.

#ifndef DIGITS_SCALING_H_
#define DIGITS_SCALING_H_

#include <array>

#include "grey.h"

namespace digits {

constexpr int kSide = 28;  // the model's input is kSide x kSide

struct Region {
  int width = 0;
  int height = 0;                                 // one of both is kSide
  std::array<double, kSide * kSide> values = {};  // 0 to 255, row by row, `width` in each

  double At(int x, int y) const { return values[static_cast<std::size_t>(y * width + x)]; }
};

Region Scale(GreyRows rows);

}  // namespace digits

#endif  // DIGITS_SCALING_H_
