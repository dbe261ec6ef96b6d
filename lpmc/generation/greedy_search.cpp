// Greedy search and plain sampling of one row, as transformers 4.26.1 generation/utils.py has them.
// Kept on purpose: processors act on raw logits here, on log-probabilities in beam search.

#include <algorithm>
#include <optional>

#include "lpmc/generation/beam_hypotheses.h"
#include "lpmc/generation/logits_processors.h"
#include "lpmc/generation/row_scores.h"
#include "lpmc/generation/sampling.h"
#include "lpmc/generation/search.h"

namespace lpmc {
namespace {

class GreedySearch final : public Search {
 public:
  explicit GreedySearch(const SearchSetup& setup);
  void advance(TensorView logits) override;
  std::vector<Hypothesis> take_hypotheses() override;

 private:
  std::int32_t choose(std::span<float> scores) const;

  GenerationOptions options_;
  std::int32_t eos_;
  LogitsProcessors processors_;
  Draws draws_;
  std::vector<std::int32_t> sequence_;
  float sum_ = 0;  // of log-probabilities
};

GreedySearch::GreedySearch(const SearchSetup& setup)
    : options_(setup.options),
      eos_(setup.special.eos),
      processors_(setup.options, setup.special),
      draws_(setup.options.seed, setup.stream, setup.replica),
      sequence_{setup.special.decoder_start} {
  parents_.assign(1, 0);
  tokens_.assign(1, setup.special.decoder_start);
}

void GreedySearch::advance(TensorView logits) {
  const std::span<float> scores = logits.mutable_values<float>();
  const float max = checked_max(scores, 0);
  const std::optional<std::int32_t> forced = processors_.forced_token(sequence_.size());
  std::int32_t token = 0;
  if (forced) {
    token = *forced;
  } else {
    const float log_sum = log_sum_exp(scores, max);
    // The processors overwrite what the log-probability of the choice comes from.
    const std::vector<float> raw(scores.begin(), scores.end());
    processors_.apply(sequence_, scores);
    token = choose(scores);
    sum_ += (raw[static_cast<std::size_t>(token)] - max) - log_sum;
  }
  sequence_.push_back(token);
  parents_[0] = 0;
  tokens_[0] = token;
  if (token == eos_ || sequence_.size() >= static_cast<std::size_t>(options_.max_length)) finish();
}

/// The highest score, of equal ones the lowest token; or a token drawn by probability. Where
/// everything is banned: token 0, as argmax over -inf gives.
std::int32_t GreedySearch::choose(std::span<float> scores) const {
  if (!options_.sample) {
    return static_cast<std::int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  }
  const std::vector<TokenScore> tokens = warp(scores, options_, 1);
  if (tokens.empty()) return 0;
  std::vector<float> kept;
  kept.reserve(tokens.size());
  for (const TokenScore& token : tokens)
    kept.push_back(token.score);
  return tokens[draw_without_replacement(kept, 1, draws_, sequence_.size()).front()].token;
}

std::vector<Hypothesis> GreedySearch::take_hypotheses() {
  // The end token does not count, as in beam search.
  const bool ended = sequence_.size() > 1 && sequence_.back() == eos_;
  const std::size_t length = sequence_.size() - (ended ? 1 : 0);
  return {
      Hypothesis{sequence_, normalised_score(static_cast<double>(sum_), length, options_.length_penalty)}};
}

}  // namespace

std::unique_ptr<Search> make_greedy_search(const SearchSetup& setup) {
  return std::make_unique<GreedySearch>(setup);
}

}  // namespace lpmc
