#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/fixtures.h"
#include "tests/support/program.h"
#include "tests/support/wav.h"

namespace lpmc::test {

/// Runs the built program.
inline ProgramResult lpmc(std::vector<std::string> arguments, const ProgramInput& input = {}) {
  arguments.insert(arguments.begin(), LPMC_PROGRAM);
  return run_program(arguments, input);
}

/// The lines of a text, without line ends.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace lpmc::test
