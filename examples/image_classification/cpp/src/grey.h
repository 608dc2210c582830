// A picture's rows in grey, 0 to 255, made one by one as they are asked for: a grey copy of the whole picture
// would only be read once.

#ifndef DIGITS_GREY_H_
#define DIGITS_GREY_H_

#include <cstdint>
#include <vector>

#include "picture.h"

namespace digits {

class GreyRows {
 public:
  explicit GreyRows(const Picture& picture);

  int width() const { return picture_.pixels.cols; }
  int height() const { return picture_.pixels.rows; }

  // Valid until the next call.
  const std::uint8_t* Row(int y);

 private:
  using Convert = void (*)(const Picture& picture, int y, std::uint8_t* grey);
  static Convert Choose(const Picture& picture);

  const Picture& picture_;
  const Convert convert_;  // null: the picture's rows are what is wanted
  std::vector<std::uint8_t> row_;
};

}  // namespace digits

#endif  // DIGITS_GREY_H_
