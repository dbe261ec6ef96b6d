#pragma once

#include <string>

namespace lpmc {

/// Names this process so that no other, before or after, on this machine or another, is taken for it: boot,
/// PID namespace, PID, start time.
std::string own_process_identity();

/// True when the process is seen to be gone: same boot, same PID namespace, and no process of that PID and
/// start time. False where nothing can be seen from here (another container, another machine).
bool process_is_gone(const std::string& identity);

}  // namespace lpmc
