#include "grey.h"

#include <stdexcept>
#include <string>

namespace digits {
namespace {

constexpr int kWhite = 255;

constexpr int HighByte(std::uint8_t sample) { return sample; }
constexpr int HighByte(std::uint16_t sample) { return sample >> 8; }

constexpr int OverWhite(int value, int alpha) {
  return (value * alpha + kWhite * (kWhite - alpha) + kWhite / 2) / kWhite;
}

// The weights of ITU-R BT.601, in integers, so that every language gets the same.
constexpr std::uint8_t Grey(int blue, int green, int red) {
  return static_cast<std::uint8_t>((299 * red + 587 * green + 114 * blue + 500) / 1000);
}

template <typename Sample>
void FromGrey(const Picture& picture, int y, std::uint8_t* grey) {
  const Sample* pixel = picture.pixels.ptr<Sample>(y);
  for (int x = 0; x < picture.pixels.cols; ++x, ++pixel) {
    const bool is_clear = picture.transparent_grey && *pixel == *picture.transparent_grey;
    grey[x] = static_cast<std::uint8_t>(is_clear ? kWhite : HighByte(*pixel));
  }
}

template <typename Sample>
void FromBgr(const Picture& picture, int y, std::uint8_t* grey) {
  const Sample* pixel = picture.pixels.ptr<Sample>(y);
  for (int x = 0; x < picture.pixels.cols; ++x, pixel += 3) {
    grey[x] = Grey(HighByte(pixel[0]), HighByte(pixel[1]), HighByte(pixel[2]));
  }
}

template <typename Sample>
void FromBgra(const Picture& picture, int y, std::uint8_t* grey) {
  const Sample* pixel = picture.pixels.ptr<Sample>(y);
  for (int x = 0; x < picture.pixels.cols; ++x, pixel += 4) {
    const int alpha = HighByte(pixel[3]);
    grey[x] = Grey(OverWhite(HighByte(pixel[0]), alpha), OverWhite(HighByte(pixel[1]), alpha),
                   OverWhite(HighByte(pixel[2]), alpha));
  }
}

}  // namespace

GreyRows::GreyRows(const Picture& picture) : picture_(picture), convert_(Choose(picture)) {
  if (convert_ != nullptr) row_.resize(static_cast<std::size_t>(width()));
}

const std::uint8_t* GreyRows::Row(int y) {
  if (convert_ == nullptr) return picture_.pixels.ptr<std::uint8_t>(y);
  convert_(picture_, y, row_.data());
  return row_.data();
}

GreyRows::Convert GreyRows::Choose(const Picture& picture) {
  switch (picture.pixels.type()) {
    case CV_8UC1:
      return picture.transparent_grey ? FromGrey<std::uint8_t> : nullptr;
    case CV_8UC3:
      return FromBgr<std::uint8_t>;
    case CV_8UC4:
      return FromBgra<std::uint8_t>;
    case CV_16UC1:
      return FromGrey<std::uint16_t>;
    case CV_16UC3:
      return FromBgr<std::uint16_t>;
    case CV_16UC4:
      return FromBgra<std::uint16_t>;
    default:
      throw std::logic_error("OpenCV decoded to the unexpected type " +
                             cv::typeToString(picture.pixels.type()));
  }
}

}  // namespace digits
