#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/generation/options.h"

namespace lpmc {

/// sum / length^length_penalty in double, of a sum that came out of float32 arithmetic.
double normalised_score(double sum_of_log_probabilities, std::size_t length, double length_penalty);

/// The best complete hypotheses of one segment, at most num_beams of them.
/// Source: transformers 4.26.1 generation/beam_search.py BeamHypotheses. Kept on purpose: a
/// hypothesis as good as the worst one does not replace it, and the worst score is the second lowest
/// at the time something was thrown out. Has room for all of them from the start.
class BeamHypotheses {
 public:
  struct Entry {
    double score;
    std::vector<std::int32_t> tokens;  ///< without the end token
  };

  explicit BeamHypotheses(const GenerationOptions& options);

  /// @param tokens start token included, end token not: this is the length a score is divided by; at
  /// most max_length
  void add(std::span<const std::int32_t> tokens, float sum_of_log_probabilities);

  /// True when the search may stop: num_beams are complete, and either early_stopping is on or no
  /// continuation can do better than the worst of them. `best_sum` is the highest candidate of the
  /// step (ends included) and `length` what sequences had before it.
  bool is_done(float best_sum, std::size_t length) const;

  /// All hypotheses, best first; of equal ones the last added first.
  std::vector<Entry> take_best_first();

 private:
  double length_penalty_;
  bool early_stopping_;
  double worst_score_ = 1e9;
  std::size_t count_ = 0;
  std::vector<Entry> entries_;  // [num_beams], of which the first count_ are there, in the order of adding
};

}  // namespace lpmc
