// From a file's bytes to pixels. The checks stand in the order of their cost: nothing is decoded, and no
// memory is taken, before the header has told that it is worth it.

#ifndef DIGITS_PICTURE_H_
#define DIGITS_PICTURE_H_

#include <cstdint>
#include <opencv2/core.hpp>
#include <optional>

#include "bytes.h"

namespace digits {

// 1 (grey), 3 (BGR) or 4 (BGRA) channels of 8 or 16 bits, as they were in the file. EXIF's orientation is
// ignored.
struct Picture {
  cv::Mat pixels;
  std::optional<std::uint16_t> transparent_grey;
};

// Throws BadImage.
Picture DecodePicture(Bytes file);

}  // namespace digits

#endif  // DIGITS_PICTURE_H_
