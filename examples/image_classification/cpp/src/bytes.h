// A view of bytes that somebody else owns, with the big-endian numbers of PNG and JPEG. C++20 has std::span
// for it.

#ifndef DIGITS_BYTES_H_
#define DIGITS_BYTES_H_

#include <cstddef>
#include <cstdint>

namespace digits {

class Bytes {
 public:
  constexpr Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  constexpr const std::uint8_t* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr std::uint8_t operator[](std::size_t at) const { return data_[at]; }

  // Whether `count` bytes from `at` are there. Written so that no sum can overflow.
  constexpr bool Has(std::size_t at, std::size_t count) const { return at <= size_ && count <= size_ - at; }

  // These need Has().
  constexpr Bytes Part(std::size_t at, std::size_t count) const { return {data_ + at, count}; }
  constexpr std::uint32_t U16(std::size_t at) const { return std::uint32_t{data_[at]} << 8 | data_[at + 1]; }
  constexpr std::uint32_t U32(std::size_t at) const { return U16(at) << 16 | U16(at + 2); }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace digits

#endif  // DIGITS_BYTES_H_
