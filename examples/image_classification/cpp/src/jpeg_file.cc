#include "jpeg_file.h"

#include <cstdint>
#include <optional>

#include "bad_image.h"

namespace digits {
namespace {

// The second byte of a marker; the first is FF. ITU T.81, table B.1.
constexpr std::uint8_t kTemporary = 0x01;
constexpr std::uint8_t kHuffmanTables = 0xC4;
constexpr std::uint8_t kReserved = 0xC8;
constexpr std::uint8_t kArithmeticTables = 0xCC;
constexpr std::uint8_t kRestartFirst = 0xD0;
constexpr std::uint8_t kStart = 0xD8;
constexpr std::uint8_t kEnd = 0xD9;
constexpr std::uint8_t kScan = 0xDA;

// C0 to CF are frame headers, one for each kind of coding, but for three.
constexpr bool IsFrame(std::uint8_t code) {
  return (code & 0xF0) == 0xC0 && code != kHuffmanTables && code != kReserved && code != kArithmeticTables;
}

constexpr bool IsAlone(std::uint8_t code) {
  return code == kTemporary || (code >= kRestartFirst && code <= kEnd);  // restarts, start, end
}

struct Marker {
  std::uint8_t code;
  Bytes segment;    // without its length
  std::size_t end;  // where to look for the next one
};

// The next marker from `at` on, if the file has all of it. What is no marker is passed over: the coded data
// of a scan, where FF 00 stands for FF, and stray bytes between segments, which libjpeg forgives as well.
std::optional<Marker> NextMarker(Bytes file, std::size_t at) {
  std::uint8_t code = 0;
  while (code == 0) {
    while (at < file.size() && file[at] != 0xFF) ++at;
    while (at < file.size() && file[at] == 0xFF) ++at;  // any number of them may be there
    if (at >= file.size()) return std::nullopt;
    code = file[at++];
  }
  if (IsAlone(code)) return Marker{code, file.Part(at, 0), at};
  if (!file.Has(at, 2)) return std::nullopt;
  const std::size_t length = file.U16(at);  // counts its own two bytes
  if (length < 2) throw BadImage::Broken("a segment of " + std::to_string(length) + " bytes");
  if (!file.Has(at, length)) return std::nullopt;
  return Marker{code, file.Part(at + 2, length - 2), at + length};
}

}  // namespace

bool IsJpeg(Bytes file) { return file.Has(0, 3) && file[0] == 0xFF && file[1] == kStart && file[2] == 0xFF; }

ImageSize ReadJpegSize(Bytes file) {
  std::optional<Marker> marker = NextMarker(file, 2);
  while (marker && !IsFrame(marker->code)) {
    if (marker->code == kScan || marker->code == kEnd) {
      throw BadImage::Broken("there is no frame header before its data");
    }
    marker = NextMarker(file, marker->end);
  }
  if (!marker) throw BadImage::Truncated();
  if (!marker->segment.Has(0, 6)) throw BadImage::Broken("its frame header is too short");
  return {marker->segment.U16(3), marker->segment.U16(1)};  // after the precision; height comes first
}

bool IsJpegComplete(Bytes file) {
  bool in_scan = false;
  for (auto marker = NextMarker(file, 2); marker; marker = NextMarker(file, marker->end)) {
    if (marker->code == kEnd && in_scan) return true;
    if (marker->code == kScan) in_scan = true;
  }
  return false;
}

}  // namespace digits
