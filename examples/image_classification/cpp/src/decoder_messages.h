// What libpng and libjpeg say about an image, kept instead of printed.
//
// OpenCV leaves both libraries at their default, which is to print to stderr: a line in the service's log for
// each odd image that anybody sends, and nothing to tell the sender. It has no setting for that. So this
// library defines three functions that OpenCV looks up by name, png_create_read_struct, jpeg_std_error and
// jpeg_destroy_decompress; the dynamic linker looks here first, since OpenCV was loaded for this library.
// Where something else is found first, such as in an OpenCV that has the two libraries inside, nothing is
// lost but this.

#ifndef DIGITS_DECODER_MESSAGES_H_
#define DIGITS_DECODER_MESSAGES_H_

#include <string>
#include <string_view>

namespace digits {

// While one lives, it gets the messages of its thread.
class DecoderMessages {
 public:
  DecoderMessages();
  ~DecoderMessages();
  DecoderMessages(const DecoderMessages&) = delete;
  DecoderMessages& operator=(const DecoderMessages&) = delete;

  // That of this thread; null if none lives.
  static DecoderMessages* Current();

  void SetLast(std::string_view message) noexcept;

  // The decoder's last word, which in a failure is its reason; "" if it said nothing.
  const std::string& last() const { return last_; }

 private:
  std::string last_;
};

}  // namespace digits

#endif  // DIGITS_DECODER_MESSAGES_H_
