#pragma once

#include <string>

namespace lpmc {

/// Version of the library the ops folder runs with: "oneDNN 2.6.3".
std::string ops_library_version();

/// The widest vector instructions the arithmetic uses on this machine: "AVX-512 with VNNI and BF16".
std::string instruction_set();

}  // namespace lpmc
