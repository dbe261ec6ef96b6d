#include "lpmc/evaluation/evaluation.h"

#include <limits>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/resampling.h"

namespace lpmc {
namespace {

void add_intervals(Evaluation& evaluation) {
  std::vector<Metric*> resampled;
  for (Metric& metric : evaluation.metrics) {
    if (metric.can_resample()) resampled.push_back(&metric);
  }
  const Resamples resamples(evaluation.clips, evaluation.options.replicas, evaluation.options.seed);
  const auto replicas = resamples.apply(resampled.size(), [&](auto indices, std::span<double> values) {
    for (std::size_t i = 0; i < resampled.size(); ++i)
      values[i] = resampled[i]->resampled(indices);
  });
  for (std::size_t i = 0; i < resampled.size(); ++i)
    resampled[i]->interval = interval_95(replicas[i]);
}

}  // namespace

void validate(const EvaluationOptions& options) {
  LPMC_REQUIRE(options.replicas >= 1 && options.replicas <= 1'000'000, invalid_argument,
               "replicas: expected 1 to 1000000, found {}", options.replicas);
  LPMC_REQUIRE(
      options.rouge_bootstrap >= -1 && options.rouge_bootstrap <= std::numeric_limits<std::uint32_t>::max(),
      invalid_argument, "rouge-bootstrap: expected a seed of 0 to {}, or -1, found {}",
      std::numeric_limits<std::uint32_t>::max(), options.rouge_bootstrap);
  LPMC_REQUIRE(options.self_bleu_sample >= 0 && options.self_bleu_sample != 1, invalid_argument,
               "self-bleu-sample: expected 0 (all) or at least 2, found {}", options.self_bleu_sample);
}

double Metric::resampled(std::span<const std::uint32_t> indices) const {
  if (counts != nullptr) {
    BleuCounts sum;
    for (const std::uint32_t index : indices)
      sum += (*counts)[index];
    return corpus_score(sum, order);
  }
  double sum = 0;
  for (const std::uint32_t index : indices)
    sum += per_clip[index];
  return sum / static_cast<double>(indices.size());
}

const Metric* Evaluation::find(std::string_view name) const {
  for (const Metric& metric : metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

Evaluation evaluate(std::span<const ClipCaptions> clips, const EvaluationParts& parts,
                    const EvaluationOptions& options) {
  validate(options);
  LPMC_REQUIRE(!clips.empty(), invalid_argument, "evaluation: expected at least one clip, found none");
  for (std::size_t i = 0; i < clips.size(); ++i) {
    LPMC_REQUIRE(!clips[i].references.empty(), invalid_argument,
                 "evaluation: clip {}: expected at least one reference, found none", i + 1);
  }
  Evaluation evaluation;
  evaluation.clips = clips.size();
  evaluation.options = options;
  detail::EvaluationWork work{clips, parts, evaluation};
  detail::add_published_metrics(work);
  detail::add_more_metrics(work);
  if (options.confidence) add_intervals(evaluation);
  return evaluation;
}

namespace detail {

Metric& EvaluationWork::add(std::string name, double value, std::string definition) {
  Metric& metric = result.metrics.emplace_back();
  metric.name = std::move(name);
  metric.value = value;
  metric.definition = std::move(definition);
  return metric;
}

Metric& EvaluationWork::add_mean(std::string name, std::vector<double> per_clip, std::string definition) {
  Metric& metric = add(std::move(name), ordered_mean(per_clip), std::move(definition));
  metric.per_clip = std::move(per_clip);
  return metric;
}

void EvaluationWork::leave_out(std::string name, std::string reason) {
  result.left_out.push_back({std::move(name), std::move(reason)});
}

std::vector<double> EvaluationWork::each(const std::function<double(const ClipCaptions&)>& score) const {
  std::vector<double> values(clips.size());
  parallel_for(static_cast<std::int64_t>(clips.size()), [&](std::int64_t index) {
    values[static_cast<std::size_t>(index)] = score(clips[static_cast<std::size_t>(index)]);
  });
  return values;
}

}  // namespace detail
}  // namespace lpmc
