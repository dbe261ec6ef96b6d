#include "lpmc/evaluation/evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/caption_files.h"
#include "lpmc/evaluation/compare_evaluations.h"
#include "lpmc/evaluation/csv_table.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

std::vector<ClipCaptions> small_set() {
  return {
      {"x", "A soft piano melody.", {"A soft, slow piano melody."}, ""},
      {"y", "Loud drums and guitar", {"Loud drums with electric guitar", "Rock guitar and loud drums"}, ""},
      {"z", "", {"a choir"}, ""},
      {"w", "\U0001F3B9\U0001F3B6 na\u00efve waltz", {"a naive waltz"}, ""}};
}

std::vector<std::string> names_of(const std::vector<LeftOut>& items) {
  std::vector<std::string> names;
  for (const LeftOut& item : items)
    names.push_back(item.name);
  return names;
}

TEST(Evaluation, LeavesOutWhatItCannotComputeAndSaysWhy) {
  const Evaluation evaluation = evaluate(small_set(), {}, {});
  const std::vector<std::string> left_out = names_of(evaluation.left_out);
  for (const char* name : {"meteor_1.0", "bertscore", "vocab_size", "vocab_novelty", "caption_novelty",
                           "tag_coverage", "playntell_perc_novel", "playntell_bertscore"}) {
    EXPECT_EQ(evaluation.find(name), nullptr) << name;
    EXPECT_NE(std::find(left_out.begin(), left_out.end(), name), left_out.end()) << name;
  }
  for (const Metric& metric : evaluation.metrics) {
    EXPECT_TRUE(std::isfinite(metric.value)) << metric.name;
    EXPECT_NE(metric.definition, "") << metric.name;
    EXPECT_FALSE(metric.interval) << metric.name;
  }
  EXPECT_EQ(evaluation.find("vocab_size_all")->value, 11);
  EXPECT_EQ(evaluation.find("length_avg")->value, (4 + 4 + 0 + 3) / 4.0);
}

TEST(Evaluation, TakesPartsAsTheyAreHandedIn) {
  EvaluationParts parts;
  parts.train_captions.part = {"A soft piano melody.", "other words"};
  parts.bert_score.part = [](std::span<const ClipCaptions> clips) {
    return std::vector<BertScoreValue>(clips.size(), BertScoreValue{0.25, 0.5, 0.75});
  };
  parts.bert_score_definition = "a model";
  parts.bert_score_idf = true;
  parts.tag_scores.part = [](std::span<const ClipCaptions> clips) {
    std::vector<TagScore> scores(clips.size(), TagScore{0.5, false});
    scores[0].contradiction = true;
    return scores;
  };
  const auto clips = small_set();
  const Evaluation evaluation = evaluate(clips, parts, {});
  EXPECT_EQ(evaluation.find("bertscore")->value, 0.75);
  EXPECT_EQ(evaluation.find("bertscore")->definition, "mean F1: a model");
  EXPECT_EQ(evaluation.find("playntell_bertscore")->value, 50);
  EXPECT_EQ(evaluation.find("tag_coverage")->value, 0.5);
  EXPECT_EQ(evaluation.find("tag_contradiction")->value, 0.25);
  EXPECT_EQ(evaluation.find("caption_novelty")->value, 0.75);
  EXPECT_EQ(evaluation.find("playntell_perc_novel")->value, 75);
  EXPECT_EQ(evaluation.find("vocab_size")->value, 8);  // of two predictions: there are two training captions
  EXPECT_EQ(evaluation.find("vocab_novelty")->value, 0.5);
  EvaluationOptions uncut;
  uncut.lpmc_compat = false;
  EXPECT_EQ(evaluate(clips, parts, uncut).find("vocab_size")->value, 11);
}

TEST(Evaluation, RefusesNonsense) {
  EXPECT_THROW(evaluate({}, {}, {}), Error);
  const std::vector<ClipCaptions> without = {{"", "a", {}, ""}};
  EXPECT_THROW(evaluate(without, {}, {}), Error);
  EvaluationOptions options;
  options.replicas = 0;
  EXPECT_THROW(validate(options), Error);
  options = {};
  options.rouge_bootstrap = -2;
  EXPECT_THROW(validate(options), Error);
  options = {};
  options.self_bleu_sample = 1;
  EXPECT_THROW(validate(options), Error);
  EvaluationParts parts;
  parts.bert_score.part = [](std::span<const ClipCaptions>) { return std::vector<BertScoreValue>(); };
  EXPECT_THROW(evaluate(small_set(), parts, {}), Error);
}

TEST(Evaluation, WorksOnOneClip) {
  const std::vector<ClipCaptions> one = {{"", "a soft piano melody", {"a soft piano melody"}, ""}};
  const Evaluation evaluation = evaluate(one, {}, {});
  EXPECT_EQ(evaluation.find("bleu4")->value, 1);
  EXPECT_EQ(evaluation.find("rougeL")->value, 1);
  EXPECT_EQ(evaluation.find("length_std")->value, 0);
  EXPECT_EQ(evaluation.find("coco_cider_d"), nullptr);
  EXPECT_EQ(evaluation.find("self_bleu4"), nullptr);
}

/// Every number but those that draw a sample.
void expect_equal(const Evaluation& a, const Evaluation& b) {
  ASSERT_EQ(a.metrics.size(), b.metrics.size());
  for (std::size_t i = 0; i < a.metrics.size(); ++i)
    EXPECT_EQ(a.metrics[i].value, b.metrics[i].value) << a.metrics[i].name;
}

TEST(Evaluation, OrderOfClipsAndNumberOfThreadsChangeNothing) {
  std::vector<ClipCaptions> clips = small_set();
  const Evaluation evaluation = evaluate(clips, {}, {});
  std::reverse(clips.begin(), clips.end());
  set_num_threads(3);
  const Evaluation other = evaluate(clips, {}, {});
  set_num_threads(0);
  expect_equal(evaluation, other);
}

TEST(Evaluation, IntervalsHoldTheValueAndAreRepeatable) {
  EvaluationOptions options;
  options.confidence = true;
  options.rouge_bootstrap = 1;
  const Evaluation evaluation = evaluate(small_set(), {}, options);
  const Evaluation again = evaluate(small_set(), {}, options);
  for (std::size_t i = 0; i < evaluation.metrics.size(); ++i) {
    const Metric& metric = evaluation.metrics[i];
    EXPECT_EQ(metric.interval.has_value(), metric.can_resample()) << metric.name;
    if (!metric.interval) continue;
    EXPECT_LE(metric.interval->low, metric.value) << metric.name;
    EXPECT_GE(metric.interval->high, metric.value) << metric.name;
    EXPECT_EQ(metric.interval->low, again.metrics[i].interval->low) << metric.name;
  }
  EXPECT_LE(evaluation.find("rougeL_low")->value, evaluation.find("rougeL_mid")->value);
}

TEST(CompareEvaluations, OfASystemWithItselfIsEven) {
  const Evaluation evaluation = evaluate(small_set(), {}, {});
  const EvaluationComparison comparison = compare_evaluations(evaluation, evaluation);
  EXPECT_EQ(comparison.differ_by, "rougeL");
  for (const MetricComparison& metric : comparison.metrics) {
    EXPECT_EQ(metric.bootstrap.p, 1) << metric.name;
    EXPECT_EQ(metric.t_test.value_or(TTest{}).p, 1) << metric.name;
    EXPECT_EQ(metric.wins.value_or(Wins{0, 0, 4}).ties, 4U) << metric.name;
  }
}

TEST(CompareEvaluations, ShowsWhoIsAheadAndWhere) {
  std::vector<ClipCaptions> good = small_set(), bad = small_set();
  for (ClipCaptions& clip : good)
    clip.prediction = clip.references.front();
  const Evaluation first = evaluate(good, {}, {});
  const Evaluation second = evaluate(bad, {}, {});
  CompareOptions options;
  options.most_clips = 2;
  const EvaluationComparison comparison = compare_evaluations(first, second, options);
  const auto rouge = std::find_if(comparison.metrics.begin(), comparison.metrics.end(),
                                  [](const MetricComparison& metric) { return metric.name == "rougeL"; });
  ASSERT_NE(rouge, comparison.metrics.end());
  EXPECT_GT(rouge->bootstrap.difference, 0);
  EXPECT_EQ(rouge->wins->first, 4U);
  EXPECT_EQ(rouge->bootstrap.p, 0);
  ASSERT_EQ(comparison.clips.size(), 2U);
  EXPECT_EQ(comparison.clips[0].clip, 2U);  // the empty prediction
  options.differ_by = "bleu1";              // no number for each clip
  EXPECT_THROW(compare_evaluations(first, second, options), Error);
  const Evaluation fewer = evaluate(std::span(good).first(3), {}, {});
  EXPECT_THROW(compare_evaluations(first, fewer), Error);
}

/// MusicCaps' training half without the rows that the authors could not fetch (one consistent choice of
/// them).
std::vector<std::string> crawled_train_captions(const std::filesystem::path& csv,
                                                const std::filesystem::path& folder) {
  const auto gap = nlohmann::json::parse(test::read_file(folder / "train_gap_consistent.json"));
  const std::set<std::string> missing = gap.at("excluded_train_ytid");
  std::vector<std::string> captions;
  for (const CsvRow& row : parse_csv(test::read_file(csv), "MusicCaps")) {
    if (row.fields.at(8) == "False" && !missing.contains(row.fields[0])) captions.push_back(row.fields.at(5));
  }
  return captions;
}

/// The published experiments: what extra_regression.json says of them.
void check_experiment(const std::string& name) {
  const std::filesystem::path folder = *test::fixtures() / "evaluation";
  const auto expected = nlohmann::json::parse(test::read_file(folder / "extra_regression.json")).at(name);
  EvaluationParts parts;
  if (const auto csv = test::shared_path("data/musiccaps-public.csv"))
    parts.train_captions.part = crawled_train_captions(*csv, folder);
  const auto clips = read_captions(folder / "exp" / name / "inference.json");
  const Evaluation evaluation = evaluate(clips, parts, {});
  const auto near = [&](const char* metric, double value) {
    ASSERT_NE(evaluation.find(metric), nullptr) << metric;
    EXPECT_NEAR(evaluation.find(metric)->value, value, 1e-12) << metric;
  };
  for (std::size_t order = 0; order < 4; ++order)
    near(fmt::format("coco_bleu{}", order + 1).c_str(), expected.at("coco_bleu1to4")[order]);
  near("coco_cider_d", expected.at("cider_d"));
  near("coco_rouge_l", expected.at("coco_rouge_l"));
  near("distinct1", expected.at("distinct1"));
  near("distinct2", expected.at("distinct2"));
  near("distinct3", expected.at("distinct3"));
  near("rougeL", expected.at("rougeL_mean"));
  near("playntell_vocab", expected.at("playntell_vocab"));
  if (!parts.train_captions.part) return;
  near("playntell_perc_novel", expected.at("playntell_perc_novel"));
  const auto published = nlohmann::json::parse(test::read_file(folder / "exp" / name / "results.json"));
  near("vocab_size", published.at("vocab_size"));
  near("vocab_novelty", published.at("vocab_diversity"));
  near("caption_novelty", published.at("caption_novelty"));
}

TEST(Evaluation, EqualsTheReferenceOnPublishedExperiments) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  check_experiment("baseline_template");
  check_experiment("caption_summary");
}

}  // namespace
}  // namespace lpmc
