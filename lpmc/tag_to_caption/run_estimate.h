#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lpmc/tag_to_caption/prices.h"
#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/runner.h"

namespace lpmc {

/// What a run would take, before anything is sent.
struct RunEstimate {
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;      ///< a token for every 4 bytes of the message, and 8 around it
  std::int64_t completion_tokens = 0;  ///< kTokensOfAnswer a request, kTokensOfDictionary for a dictionary
  std::optional<double> cost_usd, batch_cost_usd;  ///< nothing without a price; batch: OpenAI's Batch API
  std::optional<double> hours;                     ///< at the limits; nothing without one
};

/// Tokens of a typical answer, for estimates: the published captions are one or two sentences.
inline constexpr std::int64_t kTokensOfAnswer = 60;
inline constexpr std::int64_t kTokensOfDictionary = 110;

/// Adds up records as they are read; repairs and retries are not foreseen.
class RunEstimator {
 public:
  explicit RunEstimator(std::vector<Prompt> prompts) : prompts_(std::move(prompts)) {}
  /// A record's jobs: one a prompt. Records without tags have none.
  void add(std::span<const std::string> tags);
  /// @param price nothing: unknown @param limits rpm and tpm; with neither, concurrency and
  /// @param seconds_per_request of this server, where known
  RunEstimate estimate(const std::optional<ModelPrice>& price, const RunLimits& limits,
                       std::optional<double> seconds_per_request = {}) const;

 private:
  std::vector<Prompt> prompts_;
  std::int64_t requests_ = 0, prompt_tokens_ = 0, completion_tokens_ = 0;
};

}  // namespace lpmc
