// Chance, from a seed: a run can be repeated.

#ifndef DIGITS_FUZZ_DICE_H_
#define DIGITS_FUZZ_DICE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace digits::fuzz {

using Input = std::vector<std::uint8_t>;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  // 0 to `end` - 1.
  std::size_t Below(std::size_t end) { return static_cast<std::size_t>(engine_() % end); }
  bool OneIn(std::size_t count) { return Below(count) == 0; }
  std::uint8_t Byte() { return static_cast<std::uint8_t>(engine_()); }

  template <typename Values>
  auto& Pick(Values& values) {
    return values[Below(std::size(values))];
  }

  Input Bytes(std::size_t size) {
    Input bytes(size);
    for (std::uint8_t& byte : bytes) byte = Byte();
    return bytes;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace digits::fuzz

#endif  // DIGITS_FUZZ_DICE_H_
