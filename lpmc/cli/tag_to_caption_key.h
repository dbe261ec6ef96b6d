#pragma once

#include <string>

#include "lpmc/base/secret.h"

namespace lpmc::cli {

/// The API key: of a file, else of the environment variable OPENAI_API_KEY, else none. Once there is one,
/// this process leaves no core dump with memory in it, and the variable is gone from what `ps` and child
/// processes see. To be called before threads are started.
/// @param file "" = not named
/// @throws Error(not_found, invalid_argument) for a file that holds no key; never with what it holds
Secret take_api_key(const std::string& file);

}  // namespace lpmc::cli
