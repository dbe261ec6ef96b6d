// `lpmc serve` in a build without language models (LPMC_BUILD_LLM=OFF).

#include "lpmc/cli/serve_tags.h"

namespace lpmc::cli {

struct ServeTags::Impl {};

ServeTags::ServeTags() = default;
ServeTags::~ServeTags() = default;
void ServeTags::add_flags(CLI::App& /*app*/) {}
void ServeTags::take_key() {}
void ServeTags::open(int /*threads*/, const std::stop_token& /*stop*/) {
  reason_ = "lpmc was built without language models";
}

}  // namespace lpmc::cli
