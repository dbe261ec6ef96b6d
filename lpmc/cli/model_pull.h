#pragma once

#include <string>

#include "lpmc/cli/common_options.h"

namespace lpmc::cli {

/// The command line of `lpmc model pull`.
struct PullFlags {
  std::string name;    ///< "" = list what there is
  std::string from;    ///< a folder or URL instead of the published one
  std::string output;  ///< the folder it goes to; "" = lpmc's data folder
};

/// Runs the command: fetches a named model. Where LPMC_HAS_LLM is defined: it needs the HTTP client.
int pull_named_model(const PullFlags& flags, const CommonOptions& common);

}  // namespace lpmc::cli
