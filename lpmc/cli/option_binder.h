#pragma once

#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include <CLI/CLI.hpp>

#include "lpmc/base/fields.h"

namespace lpmc::cli {

/// "num-beams" to "LPMC_NUM_BEAMS": the environment variable every flag also reads.
inline std::string environment_name(std::string_view flag) {
  std::string name = "LPMC_";
  for (const char c : flag)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

/// Adds an option of a plain variable with its environment variable.
template <class T>
CLI::Option* add_flag_or_option(CLI::App& app, const std::string& names, T& value, const std::string& help,
                                std::string_view environment_flag) {
  CLI::Option* option = nullptr;
  if constexpr (std::is_same_v<T, bool>) {
    option = app.add_flag(names, value, help);
  } else {
    option = app.add_option(names, value, help)->capture_default_str();
  }
  return option->envname(environment_name(environment_flag));
}

/// The flags of an options struct, made from its visit() list. After parsing, apply_to() overwrites
/// only what the user gave, so that a model's own defaults stay where nothing was said.
template <class Options>
class BoundOptions {
 public:
  void add_to(CLI::App& app, const std::string& group) {
    visit(values_, [&](std::string_view name, auto& value, std::string_view help) {
      std::string names = "--" + std::string(name);
      if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, bool>) {
        names += ",!--no-" + std::string(name);
      }
      CLI::Option* option = add_flag_or_option(app, names, value, std::string(help), name);
      option->group(group);
      options_.emplace(name, option);
    });
  }

  bool given(std::string_view name) const { return options_.at(std::string(name))->count() > 0; }
  const Options& values() const { return values_; }

  void apply_to(Options& target) {
    visit(values_, [&](std::string_view name, auto& value, std::string_view) {
      if (!given(name)) return;
      visit(target, [&](std::string_view target_name, auto& target_value, std::string_view) {
        if constexpr (std::is_same_v<decltype(value), decltype(target_value)>) {
          if (target_name == name) target_value = value;
        }
      });
    });
  }

 private:
  Options values_;
  std::map<std::string, CLI::Option*> options_;
};

}  // namespace lpmc::cli
