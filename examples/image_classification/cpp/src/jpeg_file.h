// What can be known of a JPEG file without decoding it: a sequence of markers, most with a segment behind
// them.

#ifndef DIGITS_JPEG_FILE_H_
#define DIGITS_JPEG_FILE_H_

#include "bytes.h"
#include "image_size.h"

namespace digits {

bool IsJpeg(Bytes file);

// From the frame header (SOF). Throws BadImage.
ImageSize ReadJpegSize(Bytes file);

// Whether an end of image (EOI) comes after the start of the first scan (SOS). Throws BadImage for a segment
// that cannot be.
//
// This is more than good manners: OpenCV (seen in 4.6) ignores that libjpeg runs out of bytes within a scan,
// and fills the missing rows with whatever its buffer holds, be it memory that nobody has written. A marker
// at the end keeps libjpeg from getting there. So EOI has to be found as libjpeg finds it, marker by marker;
// FF D9 inside of a segment is none.
bool IsJpegComplete(Bytes file);

}  // namespace digits

#endif  // DIGITS_JPEG_FILE_H_
