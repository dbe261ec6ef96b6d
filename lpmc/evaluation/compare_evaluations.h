#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/comparison.h"
#include "lpmc/evaluation/evaluation.h"

namespace lpmc {

/// One number of two systems on the same clips.
struct MetricComparison {
  std::string name;
  double first = 0, second = 0;
  PairedBootstrap bootstrap;
  std::optional<TTest> t_test;  ///< where the number is a mean over clips
  std::optional<Wins> wins;     ///< the same; by the clips' own values, whichever way is better
};

struct ClipDifference {
  std::size_t clip = 0;
  double first = 0, second = 0;
};

struct EvaluationComparison {
  std::vector<MetricComparison> metrics;  ///< all that both have and that can be resampled
  std::string differ_by;                  ///< the number that `clips` are sorted by
  std::vector<ClipDifference> clips;      ///< those that differ most, the largest difference first
};

struct CompareOptions {
  std::string differ_by;  ///< "": meteor_1.0, or rougeL where it was left out
  std::size_t most_clips = 10;
};

/// Paired bootstrap, t-test and wins of two evaluations of the same clips in the same order; replicas and
/// seed are the first's.
/// @throws Error(invalid_argument) when the numbers of clips differ, there is one clip only, or `differ_by`
/// is no number that both have for each clip
EvaluationComparison compare_evaluations(const Evaluation& first, const Evaluation& second,
                                         const CompareOptions& options = {});

/// Another system on the same clips in the same order.
struct ComparedSystem {
  std::string name;
  std::span<const ClipCaptions> clips;
  const EvaluationComparison* comparison = nullptr;
};

/// A system, as the page shows it.
struct ReportedSystem {
  std::string name;
  std::span<const ClipCaptions> clips;
  const Evaluation* evaluation = nullptr;
};

}  // namespace lpmc
