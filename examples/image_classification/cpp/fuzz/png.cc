// PNG for the fuzzer: a list of chunks, and back.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "bytes.h"
#include "mutations.h"

namespace digits::fuzz {
namespace {

struct Chunk {
  std::string type;
  Input data;
};

constexpr std::size_t kSignature = 8;
constexpr std::size_t kMostPixelBytes = 1 << 20;
constexpr const char* kTypes[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "iCCP",
                                  "sRGB", "sBIT", "bKGD", "hIST", "pHYs", "tIME", "zTXt", "iTXt",
                                  "tEXt", "eXIf", "acTL", "fcTL", "fdAT", "xxXx"};

void AppendU32(std::uint32_t value, Input& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::vector<Chunk> Split(const Input& input) {
  std::vector<Chunk> chunks;
  const Bytes file(input.data(), input.size());
  std::size_t at = kSignature;
  while (file.Has(at, 12) && file.Has(at + 12, file.U32(at))) {
    const Bytes data = file.Part(at + 8, file.U32(at));
    const Bytes type = file.Part(at + 4, 4);
    chunks.push_back(
        {std::string(type.data(), type.data() + 4), Input(data.data(), data.data() + data.size())});
    at += 12 + data.size();
  }
  return chunks;
}

Input Join(const std::vector<Chunk>& chunks) {
  Input out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  for (const Chunk& chunk : chunks) {
    AppendU32(static_cast<std::uint32_t>(chunk.data.size()), out);
    const std::size_t begin = out.size();
    out.insert(out.end(), chunk.type.begin(), chunk.type.end());
    out.insert(out.end(), chunk.data.begin(), chunk.data.end());
    AppendU32(static_cast<std::uint32_t>(crc32(0, &out[begin], static_cast<uInt>(out.size() - begin))), out);
  }
  return out;
}

Input Pack(const Input& pixels, int level) {
  uLongf size = compressBound(pixels.size());
  Input packed(size);
  compress2(packed.data(), &size, pixels.data(), pixels.size(), level);
  packed.resize(size);
  return packed;
}

// As far as it goes, if the data is broken.
Input Unpack(const Input& packed) {
  Input pixels(kMostPixelBytes);
  uLongf size = pixels.size();
  uncompress(pixels.data(), &size, packed.data(), packed.size());
  pixels.resize(std::min<std::size_t>(size, kMostPixelBytes));
  return pixels;
}

std::uint32_t Side(Dice& dice) {
  constexpr std::uint32_t kTelling[] = {0,  1,    7,         8,          27,         28,
                                        29, 5000, 1'000'000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  return dice.OneIn(6) ? dice.Pick(kTelling) : static_cast<std::uint32_t>(dice.Below(64) + 8);
}

Input Header(Dice& dice) {
  constexpr std::array<std::pair<int, int>, 15> kKinds = {{{1, 0},
                                                           {2, 0},
                                                           {4, 0},
                                                           {8, 0},
                                                           {16, 0},
                                                           {8, 2},
                                                           {16, 2},
                                                           {1, 3},
                                                           {2, 3},
                                                           {4, 3},
                                                           {8, 3},
                                                           {8, 4},
                                                           {16, 4},
                                                           {8, 6},
                                                           {16, 6}}};
  Input header;
  AppendU32(Side(dice), header);
  AppendU32(Side(dice), header);
  const auto [depth, colour] = dice.Pick(kKinds);
  for (int field : {depth, colour, 0, 0}) header.push_back(static_cast<std::uint8_t>(field));
  header.push_back(dice.OneIn(3));
  return header;
}

void EditHeader(Dice& dice, Input& header) {
  if (dice.OneIn(2)) {
    header = Header(dice);
  } else if (!header.empty()) {
    dice.Pick(header) = static_cast<std::uint8_t>(dice.Below(20));
  }
}

}  // namespace

Input MakePng(Dice& dice) {
  std::vector<Chunk> chunks = {{"IHDR", Header(dice)}};
  const bool has_palette = chunks[0].data[9] == 3 || dice.OneIn(8);
  if (has_palette) chunks.push_back({"PLTE", dice.Bytes(3 * (dice.Below(256) + 1))});
  if (dice.OneIn(2))
    chunks.push_back({"tRNS", dice.Bytes(dice.OneIn(2) ? 2 : dice.OneIn(2) ? 6 : dice.Below(256))});
  // Each row begins with its filter, 0 to 4; rows of random length get a wrong one here and there.
  Input pixels = dice.Bytes(dice.Below(64 * 1024));
  for (std::uint8_t& byte : pixels) byte = dice.OneIn(2) ? static_cast<std::uint8_t>(byte % 5) : byte;
  chunks.push_back({"IDAT", Pack(pixels, static_cast<int>(dice.Below(3)))});
  chunks.push_back({"IEND", {}});
  return Join(chunks);
}

void MutatePng(Dice& dice, Input& input) {
  std::vector<Chunk> chunks = Split(input);
  if (chunks.empty()) return;
  const std::size_t place = dice.Below(chunks.size());
  const auto at = chunks.begin() + static_cast<std::ptrdiff_t>(place);
  switch (dice.Below(7)) {
    case 0:
      EditHeader(dice, chunks[0].data);
      break;
    case 1:
      chunks.erase(at);
      break;
    case 2:
      chunks.insert(at, Chunk(dice.Pick(chunks)));
      break;
    case 3:
      std::swap(chunks[place], dice.Pick(chunks));
      break;
    case 4:
      MutateBytes(dice, chunks[place].data);
      break;
    case 5:
      chunks.insert(at, {dice.Pick(kTypes), dice.Bytes(dice.Below(64))});
      break;
    default:
      if (chunks[place].type == "IDAT") {
        Input pixels = Unpack(chunks[place].data);
        MutateBytes(dice, pixels);
        chunks[place].data = Pack(pixels, 1);
      }
      break;
  }
  input = Join(chunks);
}

}  // namespace digits::fuzz
