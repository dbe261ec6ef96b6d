#include "lpmc/generation/beam_hypotheses.h"

#include <algorithm>
#include <cmath>
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
    : num_beams_(static_cast<std::size_t>(options.num_beams)),
      length_penalty_(options.length_penalty),
      early_stopping_(options.early_stopping) {}

void BeamHypotheses::add(std::span<const std::int32_t> tokens, float sum_of_log_probabilities) {
  const double score =
      normalised_score(static_cast<double>(sum_of_log_probabilities), tokens.size(), length_penalty_);
  if (entries_.size() >= num_beams_ && !(score > worst_score_)) return;
  entries_.push_back({score, {tokens.begin(), tokens.end()}});
  if (entries_.size() <= num_beams_) {
    worst_score_ = std::min(score, worst_score_);
    return;
  }
  entries_.erase(std::min_element(entries_.begin(), entries_.end(), by_score));  // of equal ones the first
  worst_score_ = std::min_element(entries_.begin(), entries_.end(), by_score)->score;
}

bool BeamHypotheses::is_done(float best_sum, std::size_t length) const {
  if (entries_.size() < num_beams_) return false;
  if (early_stopping_) return true;
  return worst_score_ >= normalised_score(static_cast<double>(best_sum), length, length_penalty_);
}

std::vector<BeamHypotheses::Entry> BeamHypotheses::take_best_first() {
  std::stable_sort(entries_.begin(), entries_.end(), by_score);
  std::reverse(entries_.begin(), entries_.end());
  return std::exchange(entries_, {});
}

}  // namespace lpmc
