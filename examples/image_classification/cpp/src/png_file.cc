#include "png_file.h"

#include <array>
#include <cstring>

#include "bad_image.h"

namespace digits {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::size_t kFrame = 4 + 4 + 4;  // around a chunk's data: length, type, check sum
constexpr std::size_t kHeaderSize = 13;    // IHDR's data
constexpr std::uint8_t kGrey = 0;          // the colour type of grey without alpha

constexpr std::uint32_t Type(const char (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 0; i < 4; ++i) type = type << 8 | static_cast<std::uint8_t>(name[i]);
  return type;
}

struct Chunk {
  std::uint32_t type;
  Bytes data;
  std::size_t end;  // where the next one begins
};

// The chunk at `at`, if the file has all of it.
std::optional<Chunk> ReadChunk(Bytes file, std::size_t at) {
  if (!file.Has(at, kFrame)) return std::nullopt;
  const std::size_t length = file.U32(at);
  if (!file.Has(at + kFrame, length)) return std::nullopt;
  return Chunk{file.U32(at + 4), file.Part(at + 8, length), at + kFrame + length};
}

}  // namespace

bool IsPng(Bytes file) {
  return file.Has(0, kSignature.size()) &&
         std::memcmp(file.data(), kSignature.data(), kSignature.size()) == 0;
}

ImageSize ReadPngSize(Bytes file) {
  if (!file.Has(kSignature.size(), kFrame + kHeaderSize)) throw BadImage::Truncated();
  const std::optional<Chunk> header = ReadChunk(file, kSignature.size());
  if (!header || header->type != Type("IHDR") || header->data.size() != kHeaderSize) {
    throw BadImage::Broken("it does not begin with an IHDR chunk of 13 bytes");
  }
  return {header->data.U32(0), header->data.U32(4)};
}

bool IsPngComplete(Bytes file) {
  std::optional<Chunk> chunk = ReadChunk(file, kSignature.size());
  while (chunk && chunk->type != Type("IEND")) chunk = ReadChunk(file, chunk->end);
  return chunk.has_value();
}

std::optional<std::uint16_t> ReadTransparentGrey(Bytes file) {
  std::optional<Chunk> chunk = ReadChunk(file, kSignature.size());
  if (!chunk || chunk->data.size() != kHeaderSize || chunk->data[9] != kGrey) return std::nullopt;
  const unsigned depth = chunk->data[8];
  while (chunk && chunk->type != Type("tRNS") && chunk->type != Type("IDAT")) {
    chunk = ReadChunk(file, chunk->end);
  }
  if (!chunk || chunk->type != Type("tRNS") || chunk->data.size() != 2) return std::nullopt;

  // Samples of less than 8 bits are stretched to 0..255 by the decoder; their unused bits have no meaning.
  const unsigned highest = (1U << depth) - 1;
  const unsigned value = chunk->data.U16(0) & highest;
  return static_cast<std::uint16_t>(depth < 8 ? value * 255 / highest : value);
}

}  // namespace digits
