#include "lpmc/evaluation/bertscore.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

/// Tokens of width 2 or so, with <s> and </s> around.
struct Text {
  std::vector<float> rows;
  std::vector<double> weights;

  TokenEmbeddings view() const { return {rows, weights}; }
};

/// Unit vectors at angles, of which the first and the last have no weight.
Text at_angles(const std::vector<double>& angles) {
  Text text;
  for (const double angle : angles) {
    text.rows.push_back(static_cast<float>(std::cos(angle)));
    text.rows.push_back(static_cast<float>(std::sin(angle)));
  }
  text.weights.assign(angles.size(), 1.0);
  text.weights.front() = text.weights.back() = 0;
  return text;
}

Text random_text(std::mt19937& random, std::size_t tokens, std::size_t width) {
  std::normal_distribution<float> normal;
  Text text;
  for (std::size_t i = 0; i < tokens * width; ++i)
    text.rows.push_back(normal(random));
  normalize_rows(text.rows, width);
  text.weights.assign(tokens, 1.0);
  text.weights.front() = text.weights.back() = 0;
  return text;
}

// Cosines of float32 rows.
constexpr double kTolerance = 1e-6;

TEST(BertScore, each_token_finds_its_nearest) {
  const Text prediction = at_angles({3.0, 0.1, 0.5, 3.0});
  const Text reference = at_angles({-3.0, 0.2, -3.0});
  const BertScoreValue score = bert_score(prediction.view(), reference.view());
  const double precision = (std::cos(0.1) + std::cos(0.3)) / 2;
  const double recall = std::cos(0.1);
  EXPECT_NEAR(score.precision, precision, kTolerance);
  EXPECT_NEAR(score.recall, recall, kTolerance);
  EXPECT_NEAR(score.f1, 2 * precision * recall / (precision + recall), kTolerance);
}

TEST(BertScore, special_tokens_may_be_partners) {
  const Text prediction = at_angles({1.0, 0.0, 1.0});
  const Text reference = at_angles({0.1, 2.0, 2.0});
  EXPECT_NEAR(bert_score(prediction.view(), reference.view()).precision, std::cos(0.1), kTolerance);
}

TEST(BertScore, weights_are_shares) {
  Text prediction = at_angles({3.0, 0.1, 0.5, 3.0});
  prediction.weights = {0, 3, 1, 0};
  const Text reference = at_angles({-3.0, 0.2, -3.0});
  EXPECT_NEAR(bert_score(prediction.view(), reference.view()).precision,
              (3 * std::cos(0.1) + std::cos(0.3)) / 4, kTolerance);
}

TEST(BertScore, a_text_with_itself_is_one_and_sides_mirror) {
  std::mt19937 random(1);
  for (const std::size_t width : {1U, 15U, 16U, 100U}) {
    const Text a = random_text(random, 9, width);
    const Text b = random_text(random, 5, width);
    EXPECT_NEAR(bert_score(a.view(), a.view()).f1, 1, kTolerance);
    const BertScoreValue forth = bert_score(a.view(), b.view());
    const BertScoreValue back = bert_score(b.view(), a.view());
    EXPECT_DOUBLE_EQ(forth.precision, back.recall);
    EXPECT_DOUBLE_EQ(forth.recall, back.precision);
    EXPECT_DOUBLE_EQ(forth.f1, back.f1);
    EXPECT_LT(forth.f1, 1 + kTolerance);
  }
}

TEST(BertScore, empty_texts_score_nothing) {
  const Text empty = at_angles({0, 1});
  const Text full = at_angles({0, 0.5, 1});
  EXPECT_EQ(bert_score(empty.view(), full.view()), BertScoreValue{});
  EXPECT_EQ(bert_score(full.view(), empty.view()), BertScoreValue{});
  EXPECT_EQ(bert_score(empty.view(), empty.view()), BertScoreValue{});
}

TEST(BertScore, opposite_texts_have_no_harmonic_mean_of_infinity) {
  const Text a = at_angles({0, 0, 0});
  const Text b = at_angles({M_PI / 2, M_PI / 2, M_PI / 2});
  EXPECT_TRUE(std::isfinite(bert_score(a.view(), b.view()).f1));
}

TEST(BertScore, damaged_embeddings_and_wrong_sizes_are_refused) {
  Text text = at_angles({0, 0.5, 1});
  const Text other = at_angles({0, 0.5, 1});
  EXPECT_THAT(
      [&] {
        bert_score({std::span(text.rows).first(5), text.weights}, other.view());
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "found 5 values"));
  EXPECT_THAT(
      [&] {
        bert_score({std::span(text.rows).first(3), text.weights}, other.view());
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "width"));
  text.rows[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT([&] { bert_score(text.view(), other.view()); }, ThrowsLpmc(ErrorKind::corrupt, "NaN"));
}

TEST(BertScore, rows_get_length_one_and_zeros_stay) {
  std::vector<float> rows = {3, 4, 0, 0};
  normalize_rows(rows, 2);
  EXPECT_FLOAT_EQ(rows[0], 0.6F);
  EXPECT_FLOAT_EQ(rows[1], 0.8F);
  EXPECT_EQ(rows[2], 0);
  EXPECT_THAT([&] { normalize_rows(rows, 3); }, ThrowsLpmc(ErrorKind::invalid_argument, "rows of 3"));
}

TEST(BertScore, the_best_of_several_references_is_taken_for_each_number) {
  const std::vector<BertScoreValue> values = {{0.9, 0.1, 0.18}, {0.5, 0.6, 0.545}};
  EXPECT_EQ(best_of(values), (BertScoreValue{0.9, 0.6, 0.545}));
}

TEST(TokenIdf, rare_tokens_weigh_more) {
  const std::vector<std::vector<std::int32_t>> references = {{0, 5, 5, 2}, {0, 5, 6, 2}, {0, 7, 2}};
  const TokenIdf idf(references);
  EXPECT_EQ(idf.weight(0), 0);
  EXPECT_EQ(idf.weight(2), 0);
  EXPECT_DOUBLE_EQ(idf.weight(5), std::log(4.0 / 3));  // twice in one reference counts once
  EXPECT_DOUBLE_EQ(idf.weight(6), std::log(4.0 / 2));
  EXPECT_DOUBLE_EQ(idf.weight(99), std::log(4.0));
}

TEST(BertScoreBaseline, rescales_each_number_with_its_layers_line) {
  const BertScoreBaseline baseline("LAYER,P,R,F\r\n0,0.5,0.5,0.5\r\n17,0.8,0.75,0.6\r\n", "b.csv", 17);
  const BertScoreValue value = baseline.rescale({0.9, 0.5, 0.6});
  EXPECT_NEAR(value.precision, 0.5, 1e-15);
  EXPECT_NEAR(value.recall, -1, 1e-15);
  EXPECT_NEAR(value.f1, 0, 1e-15);
}

TEST(BertScoreBaseline, reads_a_file) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "b.csv") << "LAYER,P,R,F\n3,0.1,0.2,0.3";
  EXPECT_NEAR(BertScoreBaseline(folder / "b.csv", 3).rescale({0.1, 1, 0.3}).recall, 1, 1e-15);
  EXPECT_THAT([&] { BertScoreBaseline(folder / "none.csv", 3); },
              ThrowsLpmc(ErrorKind::not_found, "none.csv"));
}

TEST(BertScoreBaseline, bad_files_are_named_with_their_line) {
  const auto read = [](std::string csv) {
    return [csv = std::move(csv)] { BertScoreBaseline(csv, "b.csv", 1); };
  };
  EXPECT_THAT(read(""), ThrowsLpmc(ErrorKind::corrupt, "b.csv: expected bert_score's CSV"));
  EXPECT_THAT(read("layer P R F\n"), ThrowsLpmc(ErrorKind::corrupt, "line 1: expected bert_score's header"));
  EXPECT_THAT(read("LAYER,P,R,F\n2,0,0,0\n"), ThrowsLpmc(ErrorKind::not_found, "a line for layer 1"));
  for (const std::string_view line : {"1,0.1,0.2", "1,0.1,0.2,0.3,0.4", "1,a,0.2,0.3", "1,nan,0.2,0.3",
                                      "1,1,0.2,0.3", "1.5,0.1,0.2,0.3", "-1,0.1,0.2,0.3", "1;0.1;0.2;0.3"}) {
    EXPECT_THAT(read("LAYER,P,R,F\n" + std::string(line) + "\n"), ThrowsLpmc(ErrorKind::corrupt, "line 2"))
        << line;
  }
  EXPECT_THAT(read("LAYER,P,R,F\n1,0,0,0\n1,0,0,0\n"), ThrowsLpmc(ErrorKind::corrupt, "line 3"));
}

}  // namespace
}  // namespace lpmc
