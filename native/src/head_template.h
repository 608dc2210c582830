// What the head of a request must look like to be judged as an earlier one of its connection was.
//
// Python judges heads (front/http/known_head.py); a template repeats a verdict. Some parts of it must come
// byte by byte, others may be any printable text, which the parser takes for a value wherever it stands. So
// there is no second parser that could disagree with the first.
#ifndef EAS_NATIVE_HEAD_TEMPLATE_H_
#define EAS_NATIVE_HEAD_TEMPLATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace eas {

class HeadTemplate {
 public:
  // Takes a template of eas_plane_learn: parts, each with its kind in 1 byte, its length in 4 (the lowest
  // first), and its text. False, and a template that matches nothing, if that is malformed.
  bool Assign(const char* encoded, size_t size, int64_t body_size);

  bool empty() const { return parts_.empty(); }

  // Whether `data` is one whole request with such a head, and where its body begins.
  bool Matches(const char* data, size_t size, size_t* body_at) const;

 private:
  struct Part {
    uint8_t kind;
    uint32_t at;  // in text_
    uint32_t size;
  };

  std::string text_;
  std::vector<Part> parts_;
  int64_t body_size_ = 0;  // of requests whose template has no part for it
};

}  // namespace eas

#endif  // EAS_NATIVE_HEAD_TEMPLATE_H_
