#pragma once

#include <string>

namespace lpmc {

/// Version of the library the text folder runs with: "PCRE2 10.42".
std::string text_library_version();

}  // namespace lpmc
