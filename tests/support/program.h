#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lpmc::test {

/// How a program ended and what it printed.
struct ProgramResult {
  int exit_code = -1;  ///< 128 + signal when a signal ended it
  std::string out;
  std::string err;
  long peak_rss_kb = 0;
};

struct ProgramInput {
  std::string standard_input;
  std::map<std::string, std::string> environment;  ///< on top of the test's own
  /// Called with the process id while it runs.
  std::function<void(int)> while_running;
};

/// Runs argv[0] (a path, or a name on PATH) without a shell and waits for its end. Exit code 127: there
/// is no such program.
ProgramResult run_program(const std::vector<std::string>& argv, const ProgramInput& input = {});

/// The Python that Debian's packages belong to, where there is one: another one may come first on PATH.
std::string system_python();

/// True when a program of this name is on PATH.
bool program_exists(const std::string& name);

}  // namespace lpmc::test
