#include "lpmc/generation/beam_hypotheses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lpmc {
namespace {

bool by_score(const BeamHypotheses::Entry& a, const BeamHypotheses::Entry& b) {
  return a.score < b.score;
}

}  // namespace

double normalised_score(double sum_of_log_probabilities, std::size_t length, double length_penalty) {
  return sum_of_log_probabilities / std::pow(static_cast<double>(length), length_penalty);
}

BeamHypotheses::BeamHypotheses(const GenerationOptions& options)
    : length_penalty_(options.length_penalty),
      early_stopping_(options.early_stopping),
      entries_(static_cast<std::size_t>(options.num_beams)) {
  for (Entry& entry : entries_)
    entry.tokens.reserve(static_cast<std::size_t>(options.max_length));
}

void BeamHypotheses::add(std::span<const std::int32_t> tokens, float sum_of_log_probabilities) {
  const double score =
      normalised_score(static_cast<double>(sum_of_log_probabilities), tokens.size(), length_penalty_);
  if (count_ == entries_.size()) {
    if (!(score > worst_score_)) return;
    // The worst one, of equal ones the first, makes room at the end.
    const auto worst = std::min_element(entries_.begin(), entries_.end(), by_score);
    std::rotate(worst, worst + 1, entries_.end());
    --count_;
    worst_score_ = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < count_; ++i)
      worst_score_ = std::min(worst_score_, entries_[i].score);
  }
  entries_[count_].score = score;
  entries_[count_].tokens.assign(tokens.begin(), tokens.end());
  ++count_;
  worst_score_ = std::min(score, worst_score_);
}

bool BeamHypotheses::is_done(float best_sum, std::size_t length) const {
  if (count_ < entries_.size()) return false;
  if (early_stopping_) return true;
  return worst_score_ >= normalised_score(static_cast<double>(best_sum), length, length_penalty_);
}

std::vector<BeamHypotheses::Entry> BeamHypotheses::take_best_first() {
  entries_.resize(count_);
  std::stable_sort(entries_.begin(), entries_.end(), by_score);
  std::reverse(entries_.begin(), entries_.end());
  return std::exchange(entries_, {});
}

}  // namespace lpmc
