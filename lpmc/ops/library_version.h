#pragma once

#include <string>

namespace lpmc {

/// Version of the library the ops folder runs with: "oneDNN 2.6.3".
std::string ops_library_version();

}  // namespace lpmc
