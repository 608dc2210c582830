#include "classifier.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace digits {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const fs::path& file, const std::string& reason) {
  std::string text = "cannot load the model " + file.string() + ": " + reason;
  std::replace(text.begin(), text.end(), '\n', ' ');  // OpenCV's reasons have several lines
  throw std::runtime_error(text);
}

fs::path ModelFile(const fs::path& model_entry) {
  if (model_entry.empty()) {
    throw std::runtime_error(
        "there is no model: model_entry must be an ONNX file, or a folder with mnist.onnx");
  }
  return fs::is_directory(model_entry) ? model_entry / "mnist.onnx" : model_entry;
}

std::vector<unsigned char> ReadFile(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) Fail(file, std::generic_category().message(errno));
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

cv::dnn::Net MakeNet(const std::vector<unsigned char>& onnx) {
  cv::dnn::Net net = cv::dnn::readNetFromONNX(onnx);
  net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  return net;
}

Scores Run(cv::dnn::Net& net, const Digit& digit) {
  const int shape[] = {1, 1, kSide, kSide};
  // A header around the digit where it is; setInput() copies it into the net.
  net.setInput(cv::Mat(4, shape, CV_32F, const_cast<float*>(digit.data())));
  const cv::Mat output = net.forward();  // the net's own memory
  Scores scores;
  if (output.total() != scores.size() || output.type() != CV_32F) {
    throw std::runtime_error("it has " + std::to_string(output.total()) + " outputs of type " +
                             cv::typeToString(output.type()) + "; expected 10 of type CV_32FC1");
  }
  std::copy_n(output.ptr<float>(), scores.size(), scores.begin());
  return scores;
}

}  // namespace

// The first net is run once, so that a model of another shape is found here, and not by the first caller.
Classifier::Classifier(const fs::path& model_entry) : onnx_(ReadFile(ModelFile(model_entry))) {
  try {
    cv::dnn::Net net = MakeNet(onnx_);
    Run(net, Digit{});
    GiveBack(std::move(net));
  } catch (const cv::Exception& error) {
    Fail(ModelFile(model_entry), error.err);  // what() begins with OpenCV's version and source line
  } catch (const std::exception& error) {
    Fail(ModelFile(model_entry), error.what());
  }
}

// A net is lost, and replaced when it is missed, where Run() throws: nobody knows what state it is in.
Scores Classifier::Classify(const Digit& digit) {
  cv::dnn::Net net = TakeNet();
  const Scores scores = Run(net, digit);
  GiveBack(std::move(net));
  return scores;
}

cv::dnn::Net Classifier::TakeNet() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!free_.empty()) {
      cv::dnn::Net net = std::move(free_.back());  // the one used last, whose memory is still in the cache
      free_.pop_back();
      return net;
    }
  }
  return MakeNet(onnx_);
}

void Classifier::GiveBack(cv::dnn::Net net) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(net));
}

}  // namespace digits
