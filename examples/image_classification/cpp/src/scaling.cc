#include "scaling.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace digits {
namespace {

using Sum = std::int64_t;

// Which pixels one target value stands for, along one axis. With W pixels for w values everything is counted
// in w-ths of a pixel, in which both pixels (w) and values (W) begin at whole numbers: no rounding at all
// until the one division at the end. The numbers stay small: a sum over the whole area is at most 255 x
// 25,000,000.
struct Span {
  int first;
  int last;    // inclusive
  Sum before;  // how much of `first` belongs to the value before
  Sum after;   // how much of `last` belongs to the value after
};

std::vector<Span> Divide(int pixels, int values) {
  std::vector<Span> spans;
  spans.reserve(static_cast<std::size_t>(values));
  for (Sum begin = 0; begin < Sum{pixels} * values; begin += pixels) {
    const Sum end = begin + pixels;
    const Sum first = begin / values;
    const Sum last = (end - 1) / values;
    spans.push_back(
        {static_cast<int>(first), static_cast<int>(last), begin - first * values, (last + 1) * values - end});
  }
  return spans;
}

// How much of pixel `at` the span has.
Sum Coverage(const Span& span, int at, int values) {
  return values - (at == span.first ? span.before : 0) - (at == span.last ? span.after : 0);
}

// All pixels of the span as if they were whole, less what the two at its ends have too much.
Sum Weigh(const std::uint8_t* row, const Span& span, int values) {
  const Sum whole = std::accumulate(row + span.first, row + span.last + 1, std::uint32_t{0});
  return whole * values - row[span.first] * span.before - row[span.last] * span.after;
}

// kSide for the longer side, in proportion for the shorter: a half is rounded up, and something is always
// left.
int TargetSide(Sum side, Sum longer) {
  return std::max(1, static_cast<int>((2 * side * kSide + longer) / (2 * longer)));
}

}  // namespace

Region Scale(GreyRows rows) {
  Region region;
  const int longer = std::max(rows.width(), rows.height());
  region.width = TargetSide(rows.width(), longer);
  region.height = TargetSide(rows.height(), longer);
  const std::vector<Span> columns = Divide(rows.width(), region.width);
  const double area = static_cast<double>(rows.width()) * rows.height();

  double* value = region.values.data();
  for (const Span& span : Divide(rows.height(), region.height)) {
    std::array<Sum, kSide> sums = {};
    // A row at the border of two spans is read twice; that is at most once for each of the 28.
    for (int y = span.first; y <= span.last; ++y) {
      const std::uint8_t* row = rows.Row(y);
      const Sum coverage = Coverage(span, y, region.height);
      for (std::size_t x = 0; x < columns.size(); ++x) {
        sums[x] += coverage * Weigh(row, columns[x], region.width);
      }
    }
    for (std::size_t x = 0; x < columns.size(); ++x) *value++ = static_cast<double>(sums[x]) / area;
  }
  return region;
}

}  // namespace digits
