#include "corpus.h"

#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>

#include "mutations.h"

namespace digits::fuzz {
namespace {

namespace fs = std::filesystem;

Input ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A stroke down the middle, on noise: something for the model to see, and for the coders to work on.
cv::Mat Draw(int type, int width, int height) {
  cv::Mat image(height, width, type);
  cv::randu(image, cv::Scalar::all(0), cv::Scalar::all(60));
  image.colRange(width / 2 - 1, width / 2 + 1).setTo(cv::Scalar::all(image.depth() == CV_16U ? 65535 : 255));
  return image;
}

void AddEncoded(const char* extension, int type, const std::vector<int>& settings,
                std::vector<Input>& inputs) {
  constexpr std::pair<int, int> kSizes[] = {{28, 28}, {8, 9}, {50, 33}};
  for (const auto& [width, height] : kSizes) {
    Input input;
    cv::imencode(extension, Draw(type, width, height), input, settings);
    inputs.emplace_back(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(input.size() / 2));
    inputs.push_back(std::move(input));
  }
}

}  // namespace

std::vector<Input> ReadInputs(const std::vector<fs::path>& paths) {
  std::vector<Input> inputs;
  for (const fs::path& path : paths) {
    if (!fs::is_directory(path)) {
      inputs.push_back(ReadFile(path));
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      const fs::path extension = entry.path().extension();
      if (extension == ".png" || extension == ".jpg") inputs.push_back(ReadFile(entry.path()));
    }
  }
  return inputs;
}

std::vector<Input> MakeInputs(Dice& dice) {
  std::vector<Input> inputs = {
      {}, {0}, {0xFF, 0xD8, 0xFF}, {0xFF, 0xD8, 0xFF, 0xD9}, {0x89, 'P', 'N', 'G', '\r', '\n', 26, '\n'}};
  for (int type : {CV_8UC1, CV_8UC3, CV_8UC4, CV_16UC1, CV_16UC3, CV_16UC4})
    AddEncoded(".png", type, {}, inputs);
  AddEncoded(".png", CV_8UC1, {cv::IMWRITE_PNG_BILEVEL, 1}, inputs);
  for (int type : {CV_8UC1, CV_8UC3}) {
    AddEncoded(".jpg", type, {cv::IMWRITE_JPEG_QUALITY, 80}, inputs);
    AddEncoded(".jpg", type, {cv::IMWRITE_JPEG_PROGRESSIVE, 1}, inputs);
    AddEncoded(".jpg", type, {cv::IMWRITE_JPEG_RST_INTERVAL, 1}, inputs);
  }
  for (int i = 0; i < 20; ++i) inputs.push_back(MakePng(dice));
  return inputs;
}

}  // namespace digits::fuzz
