// Width and height, as a file's header states them.

#ifndef DIGITS_IMAGE_SIZE_H_
#define DIGITS_IMAGE_SIZE_H_

#include <cstdint>

namespace digits {

struct ImageSize {
  std::uint32_t width;
  std::uint32_t height;
};

}  // namespace digits

#endif  // DIGITS_IMAGE_SIZE_H_
