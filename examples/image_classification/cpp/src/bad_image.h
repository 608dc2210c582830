// What is wrong with an image, in the words that its sender gets with status 400.

#ifndef DIGITS_BAD_IMAGE_H_
#define DIGITS_BAD_IMAGE_H_

#include <stdexcept>
#include <string>

namespace digits {

class BadImage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  static BadImage Truncated() { return BadImage("the image is truncated"); }
  static BadImage Broken(const std::string& reason) { return BadImage("the image is broken: " + reason); }
};

}  // namespace digits

#endif  // DIGITS_BAD_IMAGE_H_
