// JPEG for the fuzzer: a list of segments, the coded data of the first scan and what is behind it, and back.

#include <utility>

#include "bytes.h"
#include "mutations.h"

namespace digits::fuzz {
namespace {

struct Segment {
  std::uint8_t code;
  Input data;
};

struct Jpeg {
  std::vector<Segment> segments;  // up to and with the first SOS
  Input rest;
};

Jpeg Split(const Input& input) {
  Jpeg jpeg;
  const Bytes file(input.data(), input.size());
  std::size_t at = 2;
  while (file.Has(at, 4) && file[at] == 0xFF && file.U16(at + 2) >= 2 && file.Has(at + 2, file.U16(at + 2))) {
    const Bytes data = file.Part(at + 4, file.U16(at + 2) - 2);
    jpeg.segments.push_back({file[at + 1], Input(data.data(), data.data() + data.size())});
    at += 4 + data.size();
    if (jpeg.segments.back().code == 0xDA) break;
  }
  if (file.Has(at, 0)) jpeg.rest.assign(file.data() + at, file.data() + file.size());
  return jpeg;
}

Input Join(const Jpeg& jpeg) {
  Input out = {0xFF, 0xD8};
  for (const Segment& segment : jpeg.segments) {
    const std::size_t length = segment.data.size() + 2;
    for (std::size_t byte : {std::size_t{0xFF}, std::size_t{segment.code}, length >> 8, length & 0xFF}) {
      out.push_back(static_cast<std::uint8_t>(byte));
    }
    out.insert(out.end(), segment.data.begin(), segment.data.end());
  }
  out.insert(out.end(), jpeg.rest.begin(), jpeg.rest.end());
  return out;
}

// Precision, height, width, components with their sampling and tables.
void EditFrame(Dice& dice, std::vector<Segment>& segments) {
  for (Segment& segment : segments) {
    if ((segment.code & 0xF0) != 0xC0 || segment.code == 0xC4 || segment.data.size() < 6) continue;
    if (dice.OneIn(4)) segment.code = static_cast<std::uint8_t>(0xC0 + dice.Below(16));
    if (dice.OneIn(2)) {
      segment.data[dice.OneIn(2) ? 2 : 4] = static_cast<std::uint8_t>(dice.Below(64) + 8);
      if (dice.OneIn(8)) segment.data[dice.OneIn(2) ? 1 : 3] = dice.Byte();
    } else {
      segment.data[5 + dice.Below(segment.data.size() - 5)] = static_cast<std::uint8_t>(dice.Below(0x23));
    }
  }
}

// A marker in the middle of the coded data: a restart, an end, another scan or table, or one that does not
// exist.
void InsertMarker(Dice& dice, Input& rest) {
  constexpr std::uint8_t kCodes[] = {0x00, 0x01, 0x30, 0xC0, 0xC4, 0xCC, 0xD0, 0xD3, 0xD7,
                                     0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xE1, 0xFE, 0xFF};
  Input marker = {0xFF, dice.Pick(kCodes)};
  if (dice.OneIn(2)) {
    const std::size_t length = dice.Below(300);
    marker.insert(marker.end(), {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
  }
  rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(dice.Below(rest.size() + 1)), marker.begin(),
              marker.end());
}

}  // namespace

void MutateJpeg(Dice& dice, Input& input) {
  Jpeg jpeg = Split(input);
  std::vector<Segment>& segments = jpeg.segments;
  if (segments.empty()) return;
  const std::size_t place = dice.Below(segments.size());
  const auto at = segments.begin() + static_cast<std::ptrdiff_t>(place);
  switch (dice.Below(9)) {
    case 0:
      EditFrame(dice, segments);
      break;
    case 1:
      segments.erase(at);
      break;
    case 2:
      segments.insert(at, Segment(dice.Pick(segments)));
      break;
    case 3:
      std::swap(segments[place], dice.Pick(segments));
      break;
    case 4:
      MutateBytes(dice, segments[place].data);
      break;
    case 5:  // a restart interval, with or without the restarts
      segments.insert(at, {0xDD, {0, static_cast<std::uint8_t>(dice.Below(8))}});
      break;
    case 6:
      InsertMarker(dice, jpeg.rest);
      break;
    case 7:
      jpeg.rest.resize(dice.Below(jpeg.rest.size() + 1));
      jpeg.rest.insert(jpeg.rest.end(), {0xFF, 0xD9});
      break;
    default:
      MutateBytes(dice, jpeg.rest);
      break;
  }
  input = Join(jpeg);
}

}  // namespace digits::fuzz
