// The service's settings: the JSON text in `model_config`.

#ifndef DIGITS_CONFIG_H_
#define DIGITS_CONFIG_H_

#include <string_view>

#include "ink.h"

namespace digits {

struct Config {
  int top_k = 3;  // how many of the best classes an answer lists
  Invert invert = Invert::kAuto;
};

// "" has the defaults. Throws std::invalid_argument, which names the key, what was found and what is
// expected.
Config ReadConfig(std::string_view text);

}  // namespace digits

#endif  // DIGITS_CONFIG_H_
