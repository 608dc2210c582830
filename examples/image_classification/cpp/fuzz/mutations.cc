#include "mutations.h"

#include <algorithm>
#include <iterator>

namespace digits::fuzz {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;  // more is slower, and shows nothing new

std::ptrdiff_t Place(Dice& dice, const Input& input) {
  return static_cast<std::ptrdiff_t>(dice.Below(input.size() + 1));
}

void CopyWithin(Dice& dice, Input& input) {
  const std::size_t from = dice.Below(input.size());
  const std::size_t size = std::min<std::size_t>(dice.Below(64) + 1, input.size() - from);
  const Input piece(input.begin() + static_cast<std::ptrdiff_t>(from),
                    input.begin() + static_cast<std::ptrdiff_t>(from + size));
  input.insert(input.begin() + Place(dice, input), piece.begin(), piece.end());
}

void EraseSome(Dice& dice, Input& input) {
  const auto from = input.begin() + static_cast<std::ptrdiff_t>(dice.Below(input.size()));
  input.erase(from, from + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(dice.Below(32)) + 1,
                                                    std::distance(from, input.end())));
}

}  // namespace

void MutateBytes(Dice& dice, Input& input) {
  constexpr std::uint8_t kTelling[] = {0x00, 0x01, 0x7F, 0x80, 0xD8, 0xD9,
                                       0xDA, 0xC0, 0xC2, 0xC4, 0xFE, 0xFF};
  if (input.empty()) input = dice.Bytes(dice.Below(64));
  for (std::size_t times = dice.Below(4) + 1; times > 0 && !input.empty(); --times) {
    switch (dice.Below(7)) {
      case 0:
        dice.Pick(input) ^= static_cast<std::uint8_t>(1U << dice.Below(8));
        break;
      case 1:
        dice.Pick(input) = dice.Byte();
        break;
      case 2:
        dice.Pick(input) = dice.Pick(kTelling);
        break;
      case 3: {
        const Input piece = dice.Bytes(dice.Below(16));
        input.insert(input.begin() + Place(dice, input), piece.begin(), piece.end());
        break;
      }
      case 4:
        EraseSome(dice, input);
        break;
      case 5:
        CopyWithin(dice, input);
        break;
      default:
        if (dice.OneIn(4)) input.resize(dice.Below(input.size() + 1));
        break;
    }
  }
}

void Mutate(Dice& dice, Input& input) {
  if (dice.OneIn(20)) input = MakePng(dice);
  const bool is_png = input.size() > 8 && input[0] == 0x89;
  for (std::size_t times = dice.Below(3) + 1; times > 0; --times) {
    if (dice.OneIn(4)) {
      MutateBytes(dice, input);
    } else if (is_png) {
      MutatePng(dice, input);
    } else {
      MutateJpeg(dice, input);
    }
  }
  if (input.size() > kMostBytes) input.resize(kMostBytes);
}

}  // namespace digits::fuzz
