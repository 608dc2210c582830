// From grey to ink: how much of a stroke is at each place, whatever colours paper and pen have.

#ifndef DIGITS_INK_H_
#define DIGITS_INK_H_

#include <array>

#include "scaling.h"

namespace digits {

enum class Invert { kAuto, kAlways, kNever };

// What the model takes: 0 is paper, 1 is ink.
using Digit = std::array<float, kSide * kSide>;

// The outermost ring is taken for paper. kAuto inverts what has bright paper. The digit lies in the middle.
Digit ToInk(const Region& region, Invert invert);

}  // namespace digits

#endif  // DIGITS_INK_H_
