#include "head_template.h"

#include <array>
#include <cstring>

#include "plane_api.h"

namespace eas {
namespace {

constexpr size_t kPartHead = 5;    // bytes of a part's kind and length
constexpr int kMaxDigits = 9;      // of a length: a longer one is for the parser
constexpr size_t kMaxHead = 4096;  // a longer one is for the parser, too

constexpr std::array<bool, 256> Printable() {
  std::array<bool, 256> printable{};
  for (int character = ' '; character <= '~'; ++character) printable[character] = true;
  printable['\t'] = true;
  return printable;
}

constexpr std::array<bool, 256> kPrintable = Printable();

// Reads digits at *at, after any number of spaces. -1 if there are none, or too many.
int64_t ReadLength(const char** at, const char* end) {
  const char* p = *at;
  while (p != end && *p == ' ') ++p;
  int64_t length = 0;
  int digits = 0;
  for (; p != end && *p >= '0' && *p <= '9'; ++p) {
    if (++digits > kMaxDigits) return -1;
    length = 10 * length + (*p - '0');
  }
  *at = p;
  return digits > 0 ? length : -1;
}

}  // namespace

bool HeadTemplate::Assign(const char* encoded, size_t size, int64_t body_size) {
  text_.clear();
  parts_.clear();
  body_size_ = body_size;
  const char* const end = encoded + size;
  for (const char* at = encoded; at != end;) {
    uint32_t length = 0;
    const bool whole = static_cast<size_t>(end - at) >= kPartHead;
    for (size_t i = kPartHead; whole && --i > 0;) length = length << 8 | static_cast<uint8_t>(at[i]);
    const uint8_t kind = whole ? static_cast<uint8_t>(*at) : EAS_PART_KINDS;
    if (kind >= EAS_PART_KINDS || length > static_cast<size_t>(end - at) - kPartHead) {
      parts_.clear();
      return false;
    }
    at += kPartHead;
    parts_.push_back({kind, static_cast<uint32_t>(text_.size()), length});
    text_.append(at, length);
    at += length;
  }
  return !parts_.empty();
}

bool HeadTemplate::Matches(const char* data, size_t size, size_t* body_at) const {
  const char* at = data;
  const char* const end = data + size;
  int64_t body_size = body_size_;
  for (const Part& part : parts_) {
    if (part.kind == EAS_PART_TEXT) {
      if (static_cast<size_t>(end - at) < part.size || std::memcmp(at, &text_[part.at], part.size) != 0)
        return false;
      at += part.size;
    } else if (part.kind == EAS_PART_LENGTH) {
      body_size = ReadLength(&at, end);
      if (body_size < 0) return false;
    } else {
      while (at != end && kPrintable[static_cast<uint8_t>(*at)]) ++at;
    }
  }
  *body_at = static_cast<size_t>(at - data);
  return !parts_.empty() && *body_at <= kMaxHead && end - at == body_size;
}

}  // namespace eas
