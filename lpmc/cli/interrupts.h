#pragma once

#include <stop_token>

namespace lpmc::cli {

/// Ctrl-C and SIGTERM ask for a stop; a second one ends the process at once.
/// @return requested as soon as the first signal came
std::stop_token watch_interrupts();

}  // namespace lpmc::cli
