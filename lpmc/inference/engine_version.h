#pragma once

#include <string>

namespace lpmc {

/// What computes: the arithmetic library's version, and the vector instructions in use.
std::string engine_library_version();
std::string engine_instruction_set();

}  // namespace lpmc
