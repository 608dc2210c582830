#include "config.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace digits {
namespace {

using nlohmann::json;

// A value as it is told: a list or an object may be large.
std::string Show(const json& value) {
  return value.is_array() ? "a list" : value.is_object() ? "an object" : value.dump();
}

[[noreturn]] void Fail(const std::string& what, const std::string& expected) {
  throw std::invalid_argument("model_config: " + what + "; expected " + expected);
}

[[noreturn]] void FailAt(const std::string& key, const json& value, const std::string& expected) {
  Fail(key + " is " + Show(value), expected);
}

json Parse(std::string_view text) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    const std::string message = error.what();
    Fail(message.substr(message.find(']') + 2), R"(JSON such as {"top_k": 3, "invert": "auto"})");
  }
}

int ReadTopK(const json& value) {
  constexpr int kMost = 10;  // there are no more classes
  // As a double, which has a place for every number that can be written.
  if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > kMost) {
    FailAt("top_k", value, "a whole number from 1 to 10");
  }
  return value.get<int>();
}

Invert ReadInvert(const json& value) {
  if (value == "auto") return Invert::kAuto;
  if (!value.is_boolean()) FailAt("invert", value, R"("auto", true or false)");
  return value.get<bool>() ? Invert::kAlways : Invert::kNever;
}

}  // namespace

Config ReadConfig(std::string_view text) {
  Config config;
  if (text.empty()) return config;
  const json values = Parse(text);
  if (!values.is_object())
    Fail("it is " + Show(values), R"(an object such as {"top_k": 3, "invert": "auto"})");
  for (const auto& [key, value] : values.items()) {
    if (key == "top_k") {
      config.top_k = ReadTopK(value);
    } else if (key == "invert") {
      config.invert = ReadInvert(value);
    } else {
      Fail("there is no key " + json(key).dump(), "top_k or invert");
    }
  }
  return config;
}

}  // namespace digits
