#define PCRE2_CODE_UNIT_WIDTH 8

#include "lpmc/text/library_version.h"

#include <array>

#include <pcre2.h>

namespace lpmc {

std::string text_library_version() {
  std::array<char, 64> version{};
  pcre2_config(PCRE2_CONFIG_VERSION, version.data());
  return "PCRE2 " + std::string(version.data());
}

}  // namespace lpmc
