#pragma once

#include <string>

namespace lpmc {

/// The arithmetic library's version.
std::string engine_library_version();

}  // namespace lpmc
