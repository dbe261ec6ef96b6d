#include "lpmc/checkpoint/byte_reader.h"

#include <filesystem>

#include "lpmc/base/utf8.h"

namespace lpmc {

std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 100;
  if (name.size() <= kLongest) return display_path(std::filesystem::path(name));
  return display_path(std::filesystem::path(name.substr(0, kLongest))) + "...";
}

}  // namespace lpmc
