#include "lpmc/cli/bertscore_scorer.h"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/small_roberta.h"

namespace lpmc::cli {
namespace {

using nlohmann::json;
using test::ThrowsLpmc;

// The reference computes cosines in double from Hugging Face's float32 states.
constexpr double kTolerance = 1e-5;

ClipCaptions clip_of(std::string prediction, std::vector<std::string> references) {
  ClipCaptions clip;
  clip.prediction = std::move(prediction);
  clip.references = std::move(references);
  return clip;
}

std::vector<ClipCaptions> expected_clips() {
  std::vector<ClipCaptions> clips;
  const json expected = test::small_roberta_expected();
  for (const json& pair : expected.at("pairs"))
    clips.push_back(clip_of(pair["prediction"], pair["references"]));
  return clips;
}

BertScoreOptions small_options() {
  BertScoreOptions options;
  options.bertscore_model = test::small_roberta_folder().string();
  options.bertscore_layer = test::small_roberta_expected().at("layer");
  return options;
}

void expect_scores(const BertScoreOptions& options, const std::string& key) {
  const std::vector<BertScoreValue> found = BertScorer(options).score(expected_clips());
  const json expected = test::small_roberta_expected().at(key);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i].precision, expected[i][0], kTolerance) << key << ' ' << i;
    EXPECT_NEAR(found[i].recall, expected[i][1], kTolerance) << key << ' ' << i;
    EXPECT_NEAR(found[i].f1, expected[i][2], kTolerance) << key << ' ' << i;
  }
}

TEST(BertScorer, equals_the_reference) {
  expect_scores(small_options(), "scores");
}

TEST(BertScorer, equals_the_reference_with_idf) {
  BertScoreOptions options = small_options();
  options.bertscore_idf = true;
  expect_scores(options, "scores_idf");
}

TEST(BertScorer, equals_the_reference_rescaled) {
  const test::TemporaryFolder folder;
  const json baseline = test::small_roberta_expected().at("baseline");
  std::ofstream(folder / "baseline.csv")
      << "LAYER,P,R,F\n1,0,0,0\n2," << baseline[0] << ',' << baseline[1] << ',' << baseline[2] << '\n';
  BertScoreOptions options = small_options();
  options.bertscore_baseline = folder / "baseline.csv";
  expect_scores(options, "scores_rescaled");
}

/// More clips than fit into one block, some of them alike.
std::vector<ClipCaptions> many_clips() {
  std::vector<ClipCaptions> clips;
  for (int i = 0; i < 200; ++i) {
    ClipCaptions clip;
    for (int word = 0; word < 3 + i % 5; ++word)
      clip.prediction += fmt::format("{} ", (i % 60) * word);
    clip.references = {fmt::format("reference number {}", i)};
    clips.push_back(clip);
  }
  return clips;
}

TEST(BertScorer, order_of_clips_and_threads_change_nothing) {
  const BertScorer scorer(small_options());
  std::vector<ClipCaptions> clips = many_clips();
  set_num_threads(2);
  std::vector<std::size_t> progress;
  const std::vector<BertScoreValue> forth =
      scorer.score(clips, [&](std::size_t done) { progress.push_back(done); });
  EXPECT_GT(progress.size(), 1U);
  EXPECT_EQ(progress.back(), clips.size());
  set_num_threads(1);
  std::ranges::reverse(clips);
  std::vector<BertScoreValue> back = scorer.score(clips);
  std::ranges::reverse(back);
  set_num_threads(0);
  EXPECT_EQ(forth, back);
}

TEST(BertScorer, a_caption_with_itself_is_one) {
  const BertScorer scorer(small_options());
  const std::vector<ClipCaptions> clips = {clip_of("soft 🎹 music", {"soft 🎹 music"}),
                                           clip_of("drums", {" drums\xC2\xA0\n"})};
  for (const BertScoreValue& score : scorer.score(clips))
    EXPECT_NEAR(score.f1, 1, 1e-6);
}

TEST(BertScorer, long_and_broken_texts_are_taken) {
  const BertScorer scorer(small_options());
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "word ";
  const std::vector<ClipCaptions> clips = {clip_of(text, {text + "more"}), clip_of("\xff\xfe", {"drums"})};
  const std::vector<BertScoreValue> scores = scorer.score(clips);
  EXPECT_NEAR(scores[0].f1, 1, 1e-6);  // the same beginning, and no more of it is looked at
  EXPECT_GT(scores[1].f1, 0);
  EXPECT_TRUE(scorer.score({}).empty());
}

TEST(BertScorer, says_what_it_computes) {
  const std::string definition = BertScorer(small_options()).definition();
  EXPECT_THAT(definition, ::testing::HasSubstr("layer 2 of 3, no idf, not rescaled, f32"));
}

TEST(BertScorer, wrong_options_are_named) {
  BertScoreOptions options = small_options();
  options.bertscore_layer = 4;
  EXPECT_THAT([&] { BertScorer{options}; },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected 1 to 3, found 4"));
  options.bertscore_layer = -1;
  EXPECT_THAT([&] { BertScorer{options}; }, ThrowsLpmc(ErrorKind::invalid_argument, "bertscore-layer"));
  options = small_options();
  options.bertscore_dtype = "f64";
  EXPECT_THAT([&] { BertScorer{options}; }, ThrowsLpmc(ErrorKind::invalid_argument, "bertscore-dtype"));
  options = small_options();
  options.bertscore_model = "no-such-model";
  EXPECT_THAT([&] { BertScorer{options}; }, ThrowsLpmc(ErrorKind::not_found, "no-such-model"));
  const BertScorer scorer(small_options());
  const std::vector<ClipCaptions> clips = {clip_of("drums", {})};
  EXPECT_THAT([&] { scorer.score(clips); }, ThrowsLpmc(ErrorKind::invalid_argument, "clip ''"));
}

}  // namespace
}  // namespace lpmc::cli
