#include "lpmc/generation/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "table_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

using testing::ElementsAre;

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

/// Pearson's chi-square of counts against probabilities.
double chi_square(const std::vector<int>& counts, const std::vector<double>& probabilities, double total) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * total;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

/// Chi-square with `freedom` degrees exceeds this with probability under 1e-6: by Laurent and
/// Massart, P(X >= d + 2 sqrt(d x) + 2 x) <= exp(-x), with x = 14. Seeds are fixed, so a test that
/// passes once always does.
double chi_square_bound(double freedom) {
  return freedom + 2 * std::sqrt(freedom * 14) + 2 * 14;
}

TEST(Draws, AreUniformAndDependOnAllTheirKeys) {
  constexpr int kDraws = 64000;
  std::vector<int> counts(64);
  for (int i = 0; i < kDraws; ++i) {
    const double u =
        Draws(5, static_cast<std::uint64_t>(i % 40), 0).uniform(static_cast<std::uint64_t>(i / 40), 0);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<std::size_t>(u * 64)];
  }
  EXPECT_LT(chi_square(counts, std::vector<double>(64, 1.0 / 64), kDraws), chi_square_bound(63));

  std::set<double> all;
  for (std::uint64_t a = 0; a < 4; ++a) {
    for (std::uint64_t b = 0; b < 4; ++b) {
      for (std::uint64_t c = 0; c < 4; ++c) {
        for (std::uint64_t d = 0; d < 4; ++d) {
          for (std::int64_t seed = -2; seed < 2; ++seed)
            all.insert(Draws(seed, a, b).uniform(c, d));
        }
      }
    }
  }
  EXPECT_EQ(all.size(), 4U * 4 * 4 * 4 * 4);
  EXPECT_EQ(Draws(1, 2, 3).uniform(4, 5), Draws(1, 2, 3).uniform(4, 5));
}

TEST(DrawWithoutReplacement, HasTheProbabilitiesOfAMultinomial) {
  const std::vector<double> p{0.5, 0.3, 0.15, 0.05};
  std::vector<float> scores;
  for (const double value : p)
    scores.push_back(static_cast<float>(std::log(value) + 3));
  // Ordered pairs (i, j): p_i p_j / (1 - p_i).
  std::vector<double> expected;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      if (i != j) expected.push_back(p[i] * p[j] / (1 - p[i]));
    }
  }
  constexpr int kDraws = 40000;
  std::vector<int> counts(expected.size());
  for (int repeat = 0; repeat < kDraws; ++repeat) {
    const auto drawn =
        draw_without_replacement(scores, 2, Draws(1, static_cast<std::uint64_t>(repeat), 0), 9);
    ASSERT_EQ(drawn.size(), 2U);
    ASSERT_NE(drawn[0], drawn[1]);
    ++counts[drawn[0] * 3 + drawn[1] - (drawn[1] > drawn[0] ? 1 : 0)];
  }
  EXPECT_LT(chi_square(counts, expected, kDraws), chi_square_bound(11));
}

TEST(DrawWithoutReplacement, FillsUpWhereProbabilitiesEnd) {
  const Draws draws(0, 0, 0);
  // exp(-2000) is 0: the third comes after those that have a probability, then what is impossible.
  const std::vector<float> scores{kImpossible, -2000.0F, 0.0F, kImpossible, 1.0F};
  const auto drawn = draw_without_replacement(scores, 4, draws, 1);
  EXPECT_EQ(std::set<std::size_t>(drawn.begin(), drawn.begin() + 2), (std::set<std::size_t>{2, 4}));
  EXPECT_EQ(drawn[2], 1U);
  EXPECT_EQ(drawn[3], 0U);
  EXPECT_EQ(draw_without_replacement(scores, 50, draws, 1).size(), 5U);
  EXPECT_THAT(draw_without_replacement(std::vector<float>{}, 3, draws, 1), ElementsAre());
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(draw_without_replacement(std::vector<float>{1.0F, inf, 2.0F}, 1, draws, 1), ElementsAre(1));
  EXPECT_THAT(draw_without_replacement(std::vector<float>{kImpossible, kImpossible}, 1, draws, 1),
              ElementsAre(0));
}

std::vector<std::int32_t> kept(std::vector<float> scores, int top_k, double top_p, std::size_t min_tokens,
                               double temperature = 1.0) {
  GenerationOptions options;
  options.top_k = top_k;
  options.top_p = top_p;
  options.temperature = temperature;
  std::vector<std::int32_t> tokens;
  for (const TokenScore& token : warp(scores, options, min_tokens))
    tokens.push_back(token.token);
  return tokens;
}

TEST(Warp, TopK) {
  const std::vector<float> scores{1, 5, kImpossible, 3, 4, 3};
  EXPECT_THAT(kept(scores, 0, 1.0, 1), ElementsAre(0, 1, 3, 4, 5));
  EXPECT_THAT(kept(scores, 2, 1.0, 1), ElementsAre(1, 4));
  EXPECT_THAT(kept(scores, 3, 1.0, 1), ElementsAre(1, 3, 4, 5));  // two third ones
  EXPECT_THAT(kept(scores, 1, 1.0, 2), ElementsAre(1, 4));        // at least two
  EXPECT_THAT(kept(scores, 50, 1.0, 1), ElementsAre(0, 1, 3, 4, 5));
  EXPECT_THAT(kept({kImpossible, kImpossible}, 50, 0.9, 2), ElementsAre());
}

TEST(Warp, TopP) {
  // Probabilities .5 .25 .125 .125; the lowest that together have at most 1 - top_p go.
  const float ln2 = std::log(2.0F);
  const std::vector<float> scores{-ln2, -2 * ln2, -3 * ln2, -3 * ln2};
  EXPECT_THAT(kept(scores, 0, 0.8, 1),
              ElementsAre(0, 1, 2));                        // .125 <= .2 < .25; of equal ones the later goes
  EXPECT_THAT(kept(scores, 0, 0.7, 1), ElementsAre(0, 1));  // .25 <= .3 < .5
  EXPECT_THAT(kept(scores, 0, 0.3, 1), ElementsAre(0));
  EXPECT_THAT(kept(scores, 0, 0.3, 2), ElementsAre(0, 1));
  EXPECT_THAT(kept(scores, 0, 1e-9, 1), ElementsAre(0));  // never none
}

TEST(Warp, TemperatureDividesScores) {
  GenerationOptions options;
  options.temperature = 0.5;
  options.top_k = 0;
  std::vector<float> scores{1, -3, kImpossible};
  const auto tokens = warp(scores, options, 1);
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].score, 2.0F);
  EXPECT_EQ(tokens[1].score, -6.0F);
}

TEST(Sampling, FollowsTheProbabilitiesOfTheLogits) {
  const std::int32_t vocab_size = 12;
  const test::LogitTable table{.seed = 3, .vocab_size = vocab_size, .scale = 1.5};
  GenerationOptions options;
  options.num_beams = 1;
  options.sample = true;
  options.top_k = 0;
  options.max_length = 2;
  options.min_length = 0;
  options.no_repeat_ngram = 0;
  SpecialTokens special;
  special.forced_bos = special.forced_eos = -1;

  std::vector<double> probabilities;
  for (const float logit : table.logits(0, std::vector<std::int32_t>{2})) {
    probabilities.push_back(std::exp(static_cast<double>(logit)));
  }
  double sum = 0;
  for (const double p : probabilities)
    sum += p;
  for (double& p : probabilities)
    p /= sum;

  constexpr int kSegments = 20000;
  test::TableNetwork network(table, std::vector<std::int64_t>(kSegments, 0));
  std::vector<int> counts(static_cast<std::size_t>(vocab_size));
  for (const auto& hypotheses : generate(network.step_fn(), kSegments, vocab_size, options, special)) {
    ++counts[static_cast<std::size_t>(hypotheses[0].tokens.at(1))];
  }
  EXPECT_LT(chi_square(counts, probabilities, kSegments), chi_square_bound(vocab_size - 1));
}

class SamplingModes : public testing::TestWithParam<int> {};

TEST_P(SamplingModes, DependOnSeedAndStreamAlone) {
  const test::LogitTable table{.seed = 8, .vocab_size = 30, .scale = 2, .end_bonus = 1};
  GenerationOptions options;
  options.num_beams = GetParam();
  options.sample = true;
  options.max_length = 15;
  options.n_best = 3;
  options.seed = 42;
  const SpecialTokens special;
  const auto run = [&](std::vector<std::int64_t> segments, std::uint64_t first_stream) {
    test::TableNetwork network(table, segments);
    std::vector<std::vector<std::int32_t>> tokens;
    for (const auto& hypotheses : generate(network.step_fn(), static_cast<std::int64_t>(segments.size()), 30,
                                           options, special, first_stream)) {
      EXPECT_EQ(hypotheses.size(), 3U);
      EXPECT_TRUE(std::is_sorted(hypotheses.begin(), hypotheses.end(),
                                 [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; }));
      for (const Hypothesis& hypothesis : hypotheses)
        tokens.push_back(hypothesis.tokens);
    }
    return tokens;
  };
  const auto together = run({0, 1, 2, 3}, 10);
  EXPECT_EQ(run({0, 1, 2, 3}, 10), together);
  for (std::size_t segment = 0; segment < 4; ++segment) {
    const auto alone = run({static_cast<std::int64_t>(segment)}, 10 + segment);
    EXPECT_EQ(alone, (std::vector<std::vector<std::int32_t>>(
                         together.begin() + static_cast<std::ptrdiff_t>(segment * 3),
                         together.begin() + static_cast<std::ptrdiff_t>(segment * 3 + 3))));
  }
  EXPECT_NE(run({0, 1, 2, 3}, 11), together);
  options.seed = 43;
  EXPECT_NE(run({0, 1, 2, 3}, 10), together);
}

INSTANTIATE_TEST_SUITE_P(Generation, SamplingModes, testing::Values(1, 4));

}  // namespace
}  // namespace lpmc
