// The network. Any number of threads may ask at the same time.

#ifndef DIGITS_CLASSIFIER_H_
#define DIGITS_CLASSIFIER_H_

#include <array>
#include <filesystem>
#include <mutex>
#include <opencv2/dnn.hpp>
#include <vector>

#include "ink.h"

namespace digits {

// The probability of each class, 0 to 9.
using Scores = std::array<float, 10>;

// A cv::dnn::Net keeps the values of its layers inside while it computes, so one cannot serve two calls at
// once, and making one takes about as long as twenty calls. A lock around a single one would leave all cores
// but one idle; one for each thread would need to know the host's threads. So there is a pool: a call takes a
// free one, or makes one if all are busy, and gives it back. There are never more than calls have ever run
// side by side.
class Classifier {
 public:
  // `model_entry` is an ONNX file, or a folder with mnist.onnx. Throws std::runtime_error, which names the
  // file.
  explicit Classifier(const std::filesystem::path& model_entry);

  Scores Classify(const Digit& digit);

 private:
  cv::dnn::Net TakeNet();
  void GiveBack(cv::dnn::Net net);

  const std::vector<unsigned char> onnx_;  // from which further nets are made, whatever becomes of the file
  std::mutex mutex_;
  std::vector<cv::dnn::Net> free_;  // guarded by mutex_
};

}  // namespace digits

#endif  // DIGITS_CLASSIFIER_H_
