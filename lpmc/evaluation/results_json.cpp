#include "lpmc/evaluation/results_json.h"

#include <cmath>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/fields.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/csv_table.h"

namespace lpmc {
namespace {

using Json = nlohmann::ordered_json;

/// Counts without a fraction; JSON has no NaN or infinity.
Json number(double value, bool whole = false) {
  if (!std::isfinite(value)) return nullptr;
  return whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

Json text(std::string_view value) {
  return replace_invalid_utf8(value);
}

Json pair_of(const Interval& interval) {
  return Json::array({number(interval.low), number(interval.high)});
}

Json settings(const Evaluation& evaluation, const RunFacts& facts) {
  Json json = Json::object();
  for (const auto& [name, value] : facts)
    json[name] = text(value);
  EvaluationOptions options = evaluation.options;
  visit(options, [&](std::string_view name, auto& value, std::string_view) { json[json_key(name)] = value; });
  return json;
}

Json clip_json(const ClipDifference& difference, const ClipCaptions& clip, const ClipCaptions& other) {
  Json json = {{"clip", difference.clip + 1}};
  if (!clip.id.empty()) json["id"] = text(clip.id);
  json["first"] = {{"value", number(difference.first)}, {"prediction", text(clip.prediction)}};
  json["second"] = {{"value", number(difference.second)}, {"prediction", text(other.prediction)}};
  Json references = Json::array();
  for (const std::string& reference : clip.references)
    references.push_back(text(reference));
  json["references"] = std::move(references);
  return json;
}

Json comparison_json(const ReportedSystem& system, const ComparedSystem& compared) {
  const EvaluationComparison& comparison = *compared.comparison;
  Json json = {{"first", text(system.name)}, {"second", text(compared.name)}, {"metrics", Json::array()}};
  for (const MetricComparison& metric : comparison.metrics) {
    Json item = {{"name", metric.name},
                 {"first", number(metric.first)},
                 {"second", number(metric.second)},
                 {"difference", number(metric.bootstrap.difference)},
                 {"difference_interval_95", pair_of(metric.bootstrap.interval)},
                 {"bootstrap_first_better", number(metric.bootstrap.first_better)},
                 {"bootstrap_p", number(metric.bootstrap.p)}};
    if (metric.t_test) {
      item["t"] = number(metric.t_test->t);
      item["t_test_p"] = number(metric.t_test->p);
    }
    if (metric.wins) {
      item["clips_first_higher"] = metric.wins->first;
      item["clips_second_higher"] = metric.wins->second;
      item["clips_equal"] = metric.wins->ties;
    }
    json["metrics"].push_back(std::move(item));
  }
  json["differ_by"] = comparison.differ_by;
  json["clips"] = Json::array();
  for (const ClipDifference& difference : comparison.clips)
    json["clips"].push_back(
        clip_json(difference, system.clips[difference.clip], compared.clips[difference.clip]));
  return json;
}

}  // namespace

std::string results_json(const ReportedSystem& system, const RunFacts& facts,
                         const ComparedSystem* compared) {
  const Evaluation& evaluation = *system.evaluation;
  Json json = Json::object();
  Json intervals = Json::object(), definitions = Json::object(), left_out = Json::object();
  for (const bool published : {true, false}) {
    for (const Metric& metric : evaluation.metrics) {
      if (metric.published != published) continue;
      json[metric.name] = number(metric.value, metric.whole);
      definitions[metric.name] = metric.definition;
      if (metric.interval) intervals[metric.name] = pair_of(*metric.interval);
    }
  }
  for (const LeftOut& item : evaluation.left_out)
    left_out[item.name] = text(item.reason);
  json["clips"] = evaluation.clips;
  if (!intervals.empty()) json["intervals_95"] = std::move(intervals);
  json["definitions"] = std::move(definitions);
  json["left_out"] = std::move(left_out);
  Json notes = Json::array();
  for (const std::string& note : evaluation.notes)
    notes.push_back(text(note));
  json["notes"] = std::move(notes);
  json["settings"] = settings(evaluation, facts);
  if (compared != nullptr) json["against"] = comparison_json(system, *compared);
  return json.dump(4) + "\n";
}

std::string clip_scores_csv(const Evaluation& evaluation, std::span<const ClipCaptions> clips) {
  std::vector<const Metric*> columns;
  std::string csv = "clip,id,prediction,reference";
  for (const Metric& metric : evaluation.metrics) {
    if (metric.per_clip.empty()) continue;
    columns.push_back(&metric);
    csv += "," + metric.name;
  }
  csv += "\r\n";
  for (std::size_t i = 0; i < clips.size(); ++i) {
    std::string references;
    for (const std::string& reference : clips[i].references)
      references += (references.empty() ? "" : " | ") + reference;
    csv += fmt::format("{},{},{},{}", i + 1, csv_field(clips[i].id), csv_field(clips[i].prediction),
                       csv_field(references));
    for (const Metric* metric : columns)
      csv += fmt::format(",{}", metric->per_clip[i]);
    csv += "\r\n";
  }
  return csv;
}

}  // namespace lpmc
