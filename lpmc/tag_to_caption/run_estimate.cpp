#include "lpmc/tag_to_caption/run_estimate.h"

#include <algorithm>

#include "lpmc/tag_to_caption/run_budget.h"

namespace lpmc {

void RunEstimator::add(std::span<const std::string> tags) {
  if (tags.empty()) return;
  for (const Prompt& prompt : prompts_) {
    ++requests_;
    prompt_tokens_ += estimate_tokens(make_query(prompt, tags)) + kTokensAroundMessage;
    completion_tokens_ += prompt.expects_dictionary ? kTokensOfDictionary : kTokensOfAnswer;
  }
}

RunEstimate RunEstimator::estimate(const std::optional<ModelPrice>& price, const RunLimits& limits,
                                   std::optional<double> seconds_per_request) const {
  RunEstimate estimate;
  estimate.requests = requests_;
  estimate.prompt_tokens = prompt_tokens_;
  estimate.completion_tokens = completion_tokens_;
  if (price) {
    estimate.cost_usd = static_cast<double>(prompt_tokens_) * price->usd_per_prompt_token +
                        static_cast<double>(completion_tokens_) * price->usd_per_completion_token;
    estimate.batch_cost_usd = *estimate.cost_usd * kBatchPriceShare;
  }
  double minutes = 0;
  const auto requests = static_cast<double>(requests_);
  if (limits.rpm > 0) minutes = requests / limits.rpm;
  if (limits.tpm > 0) {
    minutes = std::max(minutes, static_cast<double>(prompt_tokens_ + completion_tokens_) / limits.tpm);
  }
  if (seconds_per_request) {
    minutes = std::max(minutes, requests * *seconds_per_request / 60 / std::max(1, limits.concurrency));
  }
  if (limits.rpm > 0 || limits.tpm > 0 || seconds_per_request) estimate.hours = minutes / 60;
  return estimate;
}

}  // namespace lpmc
