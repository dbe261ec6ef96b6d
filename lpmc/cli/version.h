#pragma once

#include <string>

namespace lpmc::cli {

/// Version, commit, instruction set in use, versions of the libraries.
std::string version_text();

}  // namespace lpmc::cli
