#pragma once

#include <random>
#include <string>

namespace lpmc::test {

/// Valid UTF-8: characters of all planes, more of those that captions have; no "<", so no special tokens.
std::string random_text(std::mt19937& random);

}  // namespace lpmc::test
