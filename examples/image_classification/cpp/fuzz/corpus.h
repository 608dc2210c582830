// What the fuzzer begins with.

#ifndef DIGITS_FUZZ_CORPUS_H_
#define DIGITS_FUZZ_CORPUS_H_

#include <filesystem>
#include <vector>

#include "dice.h"

namespace digits::fuzz {

// The files of `paths`, which are files or folders.
std::vector<Input> ReadInputs(const std::vector<std::filesystem::path>& paths);

// Small images of every kind that OpenCV can write, each also cut in the middle, and some that are none.
std::vector<Input> MakeInputs(Dice& dice);

}  // namespace digits::fuzz

#endif  // DIGITS_FUZZ_CORPUS_H_
