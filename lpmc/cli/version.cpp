#include "lpmc/cli/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "lpmc/audio/library_version.h"
#include "lpmc/base/cpu.h"
#include "lpmc/text/library_version.h"

namespace lpmc::cli {

std::string version_text() {
  return fmt::format("lpmc {} ({})\ninstruction set: {}\n{}\n{}\nfmt {}.{}.{}, CLI11 {}", LPMC_VERSION,
                     *LPMC_COMMIT == '\0' ? "no commit" : LPMC_COMMIT, instruction_set(),
                     audio_library_version(), text_library_version(), FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, FMT_VERSION % 100, CLI11_VERSION);
}

}  // namespace lpmc::cli
