#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "table_network.h"
#include <gtest/gtest.h>

#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

/// Logits of token t in step s: rows[s][t]; the last row goes on for ever.
StepFn steps_of(std::vector<std::vector<float>> rows) {
  return [rows = std::move(rows), step = std::size_t{0}, buffer = std::vector<float>()](
             std::span<const std::int32_t> parents, std::span<const std::int32_t>) mutable {
    const std::vector<float>& row = rows[std::min(step++, rows.size() - 1)];
    buffer.clear();
    for (std::size_t i = 0; i < parents.size(); ++i)
      buffer.insert(buffer.end(), row.begin(), row.end());
    return TensorView(buffer.data(), DType::f32,
                      {static_cast<std::int64_t>(parents.size()), static_cast<std::int64_t>(row.size())});
  };
}

GenerationOptions greedy() {
  GenerationOptions options;
  options.num_beams = 1;
  options.no_repeat_ngram = 0;
  return options;
}

TEST(GreedySearch, ScoreIsTheSumOfChosenLogProbabilities) {
  GenerationOptions options = greedy();
  options.max_length = 10;
  options.length_penalty = 2.0;
  const auto found = generate(steps_of({{0, 0, 0, 0}, {0, 1, 0, 3}, {0, 0, 2, 0}}), 1, 4, options, {});
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_EQ(found[0][0].tokens, (std::vector<std::int32_t>{2, 0, 3, 2}));
  // The forced first token counts nothing, the end token its probability but no length.
  const double third = 3 - std::log(2 + std::exp(1.0) + std::exp(3.0));
  const double end = 2 - std::log(3 + std::exp(2.0));
  EXPECT_NEAR(found[0][0].score, (third + end) / 9, 1e-6);
}

TEST(GreedySearch, StopsAtMaxLengthWithoutAnEnd) {
  GenerationOptions options = greedy();
  options.max_length = 5;
  SpecialTokens special;
  special.forced_eos = -1;
  const auto found = generate(steps_of({{0, 0, -9, 7}}), 1, 4, options, special);
  EXPECT_EQ(found[0][0].tokens, (std::vector<std::int32_t>{2, 0, 3, 3, 3}));
  special.forced_eos = 2;
  const auto forced = generate(steps_of({{0, 0, -9, 7}}), 1, 4, options, special);
  EXPECT_EQ(forced[0][0].tokens, (std::vector<std::int32_t>{2, 0, 3, 3, 2}));
}

TEST(GreedySearch, OfEqualLogitsTheLowestTokenWins) {
  GenerationOptions options = greedy();
  options.max_length = 4;
  SpecialTokens special;
  special.forced_bos = special.forced_eos = -1;
  const auto found = generate(steps_of({{0, 5, 0, 5}}), 1, 4, options, special);
  EXPECT_EQ(found[0][0].tokens, (std::vector<std::int32_t>{2, 1, 1, 1}));
}

TEST(GreedySearch, GoesOnWhereEverythingIsBanned) {
  GenerationOptions options = greedy();
  options.max_length = 6;
  options.no_repeat_ngram = 1;
  SpecialTokens special;
  special.forced_bos = special.forced_eos = -1;
  for (const bool sample : {false, true}) {
    options.sample = sample;
    const auto found = generate(steps_of({{0, 1, 0}}), 1, 3, options, special);
    // Tokens 0 and 1 once each, in either order, then nothing is allowed.
    ASSERT_EQ(found[0][0].tokens.size(), 6U);
    EXPECT_EQ(found[0][0].tokens[1] + found[0][0].tokens[2], 1);
    for (std::size_t i = 3; i < 6; ++i)
      EXPECT_EQ(found[0][0].tokens[i], 0);
  }
}

TEST(GreedySearch, RepetitionPenaltyActsOnRawLogits) {
  GenerationOptions options = greedy();
  options.max_length = 4;
  options.repetition_penalty = 4.0;
  SpecialTokens special;
  special.forced_eos = -1;
  // Token 0 was there: 6 / 4 = 1.5 < 2. As log-probabilities (-0.02 * 4 against -4) it would win.
  const auto found = generate(steps_of({{6, 2, -9, 1}}), 1, 4, options, special);
  EXPECT_EQ(found[0][0].tokens, (std::vector<std::int32_t>{2, 0, 1, 0}));
}

}  // namespace
}  // namespace lpmc
