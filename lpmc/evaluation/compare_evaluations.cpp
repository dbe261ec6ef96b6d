#include "lpmc/evaluation/compare_evaluations.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

using MetricPair = std::pair<const Metric*, const Metric*>;

std::vector<MetricPair> shared_metrics(const Evaluation& first, const Evaluation& second) {
  std::vector<MetricPair> pairs;
  for (const Metric& metric : first.metrics) {
    const Metric* other = second.find(metric.name);
    if (other != nullptr && metric.can_resample() && other->can_resample())
      pairs.emplace_back(&metric, other);
  }
  return pairs;
}

/// Per-clip values of the asked-for number, or of the first of the usual ones.
MetricPair deciding_metric(const std::vector<MetricPair>& pairs, const std::string& wanted) {
  const auto find = [&](std::string_view name) {
    return std::find_if(pairs.begin(), pairs.end(), [&](const MetricPair& pair) {
      return pair.first->name == name && !pair.first->per_clip.empty();
    });
  };
  auto found = wanted.empty() ? find("meteor_1.0") : find(wanted);
  if (found == pairs.end() && wanted.empty()) found = find("rougeL");
  LPMC_REQUIRE(found != pairs.end(), invalid_argument,
               "comparison: expected a number that both evaluations have for each clip, found '{}'", wanted);
  return *found;
}

std::vector<ClipDifference> largest_differences(const MetricPair& pair, std::size_t most) {
  std::vector<ClipDifference> clips;
  for (std::size_t i = 0; i < pair.first->per_clip.size(); ++i)
    clips.push_back({i, pair.first->per_clip[i], pair.second->per_clip[i]});
  std::stable_sort(clips.begin(), clips.end(), [](const ClipDifference& a, const ClipDifference& b) {
    return std::abs(a.first - a.second) > std::abs(b.first - b.second);
  });
  if (clips.size() > most) clips.resize(most);
  return clips;
}

}  // namespace

EvaluationComparison compare_evaluations(const Evaluation& first, const Evaluation& second,
                                         const CompareOptions& options) {
  LPMC_REQUIRE(first.clips == second.clips && first.clips >= 2, invalid_argument,
               "comparison: expected the same number of clips, at least two, found {} and {}", first.clips,
               second.clips);
  const std::vector<MetricPair> pairs = shared_metrics(first, second);
  const MetricPair deciding = deciding_metric(pairs, options.differ_by);
  const Resamples resamples(first.clips, first.options.replicas, first.options.seed);
  auto differences = resamples.apply(pairs.size(), [&](auto indices, std::span<double> values) {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      values[i] = pairs[i].first->resampled(indices) - pairs[i].second->resampled(indices);
  });
  EvaluationComparison comparison;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [one, other] = pairs[i];
    MetricComparison& metric = comparison.metrics.emplace_back();
    metric.name = one->name;
    metric.first = one->value;
    metric.second = other->value;
    metric.bootstrap = paired_bootstrap(one->value - other->value, std::move(differences[i]));
    if (one->per_clip.empty()) continue;
    metric.t_test = paired_t_test(one->per_clip, other->per_clip);
    metric.wins = count_wins(one->per_clip, other->per_clip);
  }
  comparison.differ_by = deciding.first->name;
  comparison.clips = largest_differences(deciding, options.most_clips);
  return comparison;
}

}  // namespace lpmc
