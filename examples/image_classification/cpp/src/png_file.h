// What can be known of a PNG file without decoding it: a signature, then chunks, each with its length in
// front.

#ifndef DIGITS_PNG_FILE_H_
#define DIGITS_PNG_FILE_H_

#include <cstdint>
#include <optional>

#include "bytes.h"
#include "image_size.h"

namespace digits {

bool IsPng(Bytes file);

// From the IHDR chunk. Throws BadImage.
ImageSize ReadPngSize(Bytes file);

// Whether the chunks, walked by their lengths, reach the end of an IEND.
bool IsPngComplete(Bytes file);

// The one grey value that a tRNS chunk declares transparent, in the 8 or 16 bits that a decoder gives; none
// for other images. OpenCV turns each other kind of transparency into an alpha channel, but overlooks this
// one.
std::optional<std::uint16_t> ReadTransparentGrey(Bytes file);

}  // namespace digits

#endif  // DIGITS_PNG_FILE_H_
