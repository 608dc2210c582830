#include "decoder_messages.h"

#include <dlfcn.h>
#include <jpeglib.h>  // wants <cstdio> before it
#include <png.h>

#include <cstdio>

namespace digits {
namespace {

thread_local DecoderMessages* current = nullptr;

}  // namespace

// Long enough for every message of either library (JMSG_LENGTH_MAX is 200), so that SetLast() takes no
// memory: it is called from C code, through which no exception may pass.
DecoderMessages::DecoderMessages() {
  last_.reserve(256);
  current = this;
}

DecoderMessages::~DecoderMessages() { current = nullptr; }

DecoderMessages* DecoderMessages::Current() { return current; }

void DecoderMessages::SetLast(std::string_view message) noexcept {
  last_.assign(message.substr(0, last_.capacity()));
}

}  // namespace digits

using digits::DecoderMessages;

namespace {

void KeepPngWarning(png_structp /*png*/, png_const_charp message) {
  if (DecoderMessages* messages = DecoderMessages::Current()) messages->SetLast(message);
}

void KeepPngError(png_structp png, png_const_charp message) {
  KeepPngWarning(png, message);
  png_longjmp(png, 1);  // to where OpenCV waits for it
}

void KeepJpegMessage(j_common_ptr jpeg) {
  DecoderMessages* messages = DecoderMessages::Current();
  if (messages == nullptr) return;
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  messages->SetLast(text);
}

// The function that would have been found without the one in this file.
template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

png_structp png_create_read_struct(png_const_charp version, png_voidp error_data, png_error_ptr error,
                                   png_error_ptr warning) {
  const bool keep = DecoderMessages::Current() != nullptr && error == nullptr && warning == nullptr;
  return png_create_read_struct_2(version, error_data, keep ? KeepPngError : error,
                                  keep ? KeepPngWarning : warning, nullptr, nullptr, nullptr);
}

jpeg_error_mgr* jpeg_std_error(jpeg_error_mgr* errors) {
  static auto* const next = Next<jpeg_error_mgr*(jpeg_error_mgr*)>("jpeg_std_error");
  next(errors);
  if (DecoderMessages::Current() != nullptr) errors->output_message = KeepJpegMessage;
  return errors;
}

// OpenCV replaces the function that ends the decoding, and drops the message; here is the last place to see
// it.
void jpeg_destroy_decompress(j_decompress_ptr jpeg) {
  static auto* const next = Next<void(j_decompress_ptr)>("jpeg_destroy_decompress");
  if (jpeg->err != nullptr && jpeg->err->msg_code != 0) KeepJpegMessage(reinterpret_cast<j_common_ptr>(jpeg));
  next(jpeg);
}

}  // extern "C"
#pragma GCC visibility pop
