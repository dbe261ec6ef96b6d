// Greedy search and plain sampling of one row, as transformers 4.26.1 generation/utils.py has them.
// Kept on purpose: processors act on raw logits here, on log-probabilities in beam search.

#include <algorithm>
#include <optional>

#include "lpmc/generation/beam_hypotheses.h"
#include "lpmc/generation/logits_processors.h"
#include "lpmc/generation/row_scan.h"
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
  std::int32_t choose(std::span<float> logits);
  std::int32_t draw(std::vector<float> scores) const;

  GenerationOptions options_;
  std::int32_t eos_;
  LogitsProcessors processors_;
  Draws draws_;
  RowScan scan_;
  std::vector<TokenChange> changes_;
  std::vector<TokenScore> best_;
  std::vector<std::int32_t> sequence_;
  float sum_ = 0;  // of log-probabilities
};

GreedySearch::GreedySearch(const SearchSetup& setup)
    : options_(setup.options),
      eos_(setup.special.eos),
      processors_(setup.options, setup.special),
      draws_(setup.options.seed, setup.stream, setup.replica),
      scan_(static_cast<std::size_t>(setup.vocab_size)) {
  changes_.reserve(processors_.max_changes());
  best_.reserve(1);
  sequence_.reserve(static_cast<std::size_t>(setup.options.max_length));
  sequence_.push_back(setup.special.decoder_start);
  parents_.assign(1, 0);
  tokens_.assign(1, setup.special.decoder_start);
}

void GreedySearch::advance(TensorView logits) {
  const std::span<float> row = logits.mutable_values<float>();
  std::int32_t token = 0;
  if (const std::optional<std::int32_t> forced = processors_.forced_token(sequence_.size())) {
    checked_max(row, 0);
    token = *forced;
  } else {
    token = choose(row);
  }
  sequence_.push_back(token);
  parents_[0] = 0;
  tokens_[0] = token;
  if (token == eos_ || sequence_.size() >= static_cast<std::size_t>(options_.max_length)) finish();
}

/// The highest score, of equal ones the lowest token; or a token drawn by probability. What counts is
/// the network's own log-probability of it, in which the processors have no part.
std::int32_t GreedySearch::choose(std::span<float> logits) {
  const LogSoftmax log_probability = scan_.read(logits, 0);
  std::int32_t token = 0;
  if (options_.sample) {
    token = draw({logits.begin(), logits.end()});
  } else {
    processors_.find_changes(sequence_, logits, {}, changes_);
    scan_.top_tokens(logits, {}, changes_, 1, best_);
    token = best_.front().token;
  }
  sum_ += log_probability(logits[static_cast<std::size_t>(token)]);
  return token;
}

/// Where everything is banned: token 0, as argmax over -inf gives.
std::int32_t GreedySearch::draw(std::vector<float> scores) const {
  processors_.apply(sequence_, scores);
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
