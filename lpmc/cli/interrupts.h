#pragma once

#include <stop_token>

namespace lpmc::cli {

/// Ctrl-C and SIGTERM ask for a stop; a second one ends the process at once.
/// @return requested as soon as the first signal came
std::stop_token watch_interrupts();

/// For work that has something in flight.
struct TwoInterrupts {
  std::stop_token first;   ///< finish what is in flight
  std::stop_token second;  ///< stop now
};

/// The same with a step between: the second signal asks again, only the third ends the process at once.
TwoInterrupts watch_two_interrupts();

}  // namespace lpmc::cli
