#pragma once

// Option lists. An options struct states each option once, as a member with a default, and lists
// its members in one function beside it:
//
//   struct DecodeOptions {
//     double start_s = 0;
//   };
//   template <class Field>
//   void visit(DecodeOptions& o, Field&& field) {
//     field("start", o.start_s, "where to begin, in seconds");
//   }
//
// Command-line flags, JSON bodies and generation_config.json are visitors over that list. A field's
// name is the flag's (with "-"); JSON keys are the same with "_".

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {

/// "num-beams" to "num_beams".
inline std::string json_key(std::string_view field_name) {
  std::string key(field_name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

/// Sets `value` from `json`. `where` names the thing in errors ("config.json: d_model").
/// @throws Error(invalid_argument) when the JSON value has another type or does not fit
template <class T>
void assign_from_json(T& value, const nlohmann::json& json, std::string_view where) {
  const auto wrong = [&](std::string_view expected) {
    std::string found = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (found.size() > 60) found = found.substr(0, 60) + "...";
    fail(ErrorKind::invalid_argument, "{}: expected {}, found {}", where, expected,
         replace_invalid_utf8(found));
  };
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) wrong("true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    // Whole numbers written as 16000.0 are accepted: Python writers produce them.
    if (!json.is_number()) wrong("a whole number");
    const double number = json.get<double>();
    if (!(std::floor(number) == number) || number < static_cast<double>(std::numeric_limits<T>::min()) ||
        number >= -2.0 * static_cast<double>(std::numeric_limits<std::make_signed_t<T>>::min())) {
      wrong("a whole number");
    }
    value = json.is_number_float() ? static_cast<T>(number) : json.get<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) wrong("a number");
    value = json.get<T>();
  } else {
    static_assert(std::is_same_v<T, std::string>);
    if (!json.is_string()) wrong("a string");
    value = json.get<std::string>();
  }
}

/// All options of a struct as a JSON object.
template <class Options>
nlohmann::json options_to_json(const Options& options) {
  nlohmann::json json = nlohmann::json::object();
  Options copy = options;  // visit() takes a mutable reference so that one list serves reading and writing
  visit(copy,
        [&](std::string_view name, auto& value, std::string_view /*help*/) { json[json_key(name)] = value; });
  return json;
}

/// Overwrites the options that `json` names; the others keep their values, and keys that are no
/// option are left to the caller.
/// @throws Error(invalid_argument) "<where>: <key>: expected ..., found ..."
template <class Options>
void options_from_json(Options& options, const nlohmann::json& json, std::string_view where) {
  LPMC_REQUIRE(json.is_object(), invalid_argument, "{}: expected a JSON object, found {}", where,
               json.type_name());
  visit(options, [&](std::string_view name, auto& value, std::string_view /*help*/) {
    const auto found = json.find(json_key(name));
    if (found != json.end() && !found->is_null()) {
      assign_from_json(value, *found, fmt::format("{}: {}", where, json_key(name)));
    }
  });
}

}  // namespace lpmc
