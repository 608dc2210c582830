#include "picture.h"

#include <opencv2/imgcodecs.hpp>
#include <string>

#include "bad_image.h"
#include "decoder_messages.h"
#include "image_size.h"
#include "jpeg_file.h"
#include "png_file.h"

namespace digits {
namespace {

constexpr std::uint32_t kLeastSide = 8;            // below that there is no digit to be seen
constexpr std::uint64_t kMostPixels = 25'000'000;  // a camera's; 100 MB with four channels

void RequireFair(ImageSize size) {
  const std::string text = std::to_string(size.width) + "x" + std::to_string(size.height);
  if (size.width < kLeastSide || size.height < kLeastSide) {
    throw BadImage("the image is too small: " + text + ", at least 8x8");
  }
  if (std::uint64_t{size.width} * size.height > kMostPixels) {
    throw BadImage("the image is too large: " + text + ", at most " + std::to_string(kMostPixels) +
                   " pixels");
  }
}

cv::Mat Decode(Bytes file) {
  DecoderMessages messages;
  // A header around the bytes where they are; OpenCV has no constant Mat, but only reads from this one.
  const cv::Mat source(1, static_cast<int>(file.size()), CV_8U, const_cast<std::uint8_t*>(file.data()));
  cv::Mat pixels = cv::imdecode(source, cv::IMREAD_UNCHANGED);
  if (pixels.empty()) {
    throw BadImage::Broken(messages.last().empty() ? "OpenCV cannot decode it" : messages.last());
  }
  return pixels;
}

}  // namespace

Picture DecodePicture(Bytes file) {
  if (file.size() == 0) throw BadImage("input data should not be empty");
  const bool is_png = IsPng(file);
  if (!is_png && !IsJpeg(file)) throw BadImage("not an image: expected JPEG or PNG");
  RequireFair(is_png ? ReadPngSize(file) : ReadJpegSize(file));
  if (!(is_png ? IsPngComplete(file) : IsJpegComplete(file))) throw BadImage::Truncated();
  return {Decode(file), is_png ? ReadTransparentGrey(file) : std::nullopt};
}

}  // namespace digits
