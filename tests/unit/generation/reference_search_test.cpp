// The searches against a slow one that recomputes everything, over random tables of logits.

#include "reference_search.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "table_network.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

struct Case {
  test::LogitTable table;
  GenerationOptions options;
  SpecialTokens special;
};

template <class T>
T one_of(std::mt19937& random, std::initializer_list<T> values) {
  return values.begin()[random() % values.size()];
}

Case random_case(std::mt19937& random, int num_beams) {
  Case c;
  c.options.num_beams = num_beams;
  c.table.seed = random();
  c.table.vocab_size = static_cast<std::int32_t>(3 + random() % 40);
  c.table.scale = one_of(random, {1.0, 4.0, 8.0});
  c.table.end_bonus = one_of(random, {-20.0, 0.0, 2.0, 4.0, 8.0});
  GenerationOptions& o = c.options;
  o.max_length = one_of(random, {2, 3, 5, 9, 16});
  o.min_length = one_of(random, {0, 2, static_cast<int>(random() % 17)});
  o.min_length = std::min(o.min_length, o.max_length);
  o.length_penalty = one_of(random, {1.0, 1.0, 0.0, 2.0, -1.0, 0.5});
  o.early_stopping = random() % 2 == 0;
  o.no_repeat_ngram = one_of(random, {0, 1, 2, 3, 3, 40});
  o.repetition_penalty = one_of(random, {1.0, 1.0, 1.1, 2.0, 0.8});
  o.n_best = static_cast<int>(1 + random() % static_cast<unsigned>(num_beams));
  c.special.forced_bos = one_of(random, {0, 0, -1});
  c.special.forced_eos = one_of(random, {2, 2, -1});
  if (random() % 10 == 0) c.special.eos = -1;
  return c;
}

std::string describe(const Case& c) {
  const GenerationOptions& o = c.options;
  return fmt::format(
      "table {} vocab {} scale {} bonus {} beams {} max {} min {} penalty {} early {} ngram {} repetition {} "
      "n_best "
      "{} forced {} {} eos {}",
      c.table.seed, c.table.vocab_size, c.table.scale, c.table.end_bonus, o.num_beams, o.max_length,
      o.min_length, o.length_penalty, o.early_stopping, o.no_repeat_ngram, o.repetition_penalty, o.n_best,
      c.special.forced_bos, c.special.forced_eos, c.special.eos);
}

void expect_equal(const std::vector<Hypothesis>& found, const std::vector<Hypothesis>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].tokens, expected[i].tokens) << "hypothesis " << i;
    if (std::isinf(expected[i].score)) {
      EXPECT_EQ(found[i].score, expected[i].score);
    } else {
      // At most 16 sums of float32 numbers under 100 (log-probabilities times a penalty of 2, with
      // length 1 to the power of -1), each rounded to 2^-18 at worst; twice, for both sides.
      EXPECT_NEAR(found[i].score, expected[i].score, 2e-4 * std::max(1.0, std::abs(expected[i].score)));
    }
  }
}

constexpr double kMargin = 1e-4;  // nearer decisions than this may go either way

TEST(ReferenceSearch, BeamSearchIsEqual) {
  std::mt19937 random(1);
  int compared = 0, ended = 0;
  constexpr int kCases = 4000;
  for (int i = 0; i < kCases; ++i) {
    const Case c = random_case(random, static_cast<int>(2 + random() % 5));
    const test::ReferenceResult expected = test::reference_beam_search(c.table, 0, c.options, c.special);
    if (expected.margin < kMargin) continue;
    ++compared;
    ended += expected.hypotheses[0].tokens.back() == c.special.eos ? 1 : 0;
    test::TableNetwork network(c.table);
    const auto found = generate(network.step_fn(), 1, c.table.vocab_size, c.options, c.special);
    expect_equal(found[0], expected.hypotheses);
    if (testing::Test::HasFailure()) FAIL() << describe(c);
  }
  EXPECT_GT(compared, kCases * 8 / 10);
  EXPECT_GT(ended, kCases / 4);
}

TEST(ReferenceSearch, GreedySearchIsEqual) {
  std::mt19937 random(2);
  int compared = 0;
  constexpr int kCases = 4000;
  for (int i = 0; i < kCases; ++i) {
    const Case c = random_case(random, 1);
    const test::ReferenceResult expected = test::reference_greedy_search(c.table, 0, c.options, c.special);
    if (expected.margin < kMargin) continue;
    ++compared;
    test::TableNetwork network(c.table);
    const auto found = generate(network.step_fn(), 1, c.table.vocab_size, c.options, c.special);
    expect_equal(found[0], expected.hypotheses);
    if (testing::Test::HasFailure()) FAIL() << describe(c);
  }
  EXPECT_GT(compared, kCases * 9 / 10);
}

// All logits are equal: the lower beam, then the lower token has to win every time.
TEST(ReferenceSearch, TiesGoToTheLowerIndex) {
  GenerationOptions options;
  options.num_beams = 3;
  options.max_length = 6;
  options.min_length = 0;
  options.length_penalty = 0;
  options.no_repeat_ngram = 0;
  options.n_best = 3;
  SpecialTokens special;
  special.forced_bos = -1;
  const std::int32_t vocab_size = 8;
  std::vector<float> logits;
  const StepFn flat = [&](std::span<const std::int32_t> parents, std::span<const std::int32_t>) {
    logits.assign(parents.size() * static_cast<std::size_t>(vocab_size), 0.5F);
    return TensorView(logits.data(), DType::f32, {static_cast<std::int64_t>(parents.size()), vocab_size});
  };
  const auto found = generate(flat, 1, vocab_size, options, special);
  // Step 1: tokens 0, 1 go on from beam 0, the end (token 2, third of six) completes [2], then 3.
  // Step 2: all of beam 0, [2, 0], come first: again 0, 1 go on, the end completes [2, 0], 3 goes on.
  // Step 3: likewise [2, 0, 0] is complete, and with it three hypotheses.
  ASSERT_EQ(found[0].size(), 3U);
  EXPECT_EQ(found[0][0].tokens, (std::vector<std::int32_t>{2, 2}));
  EXPECT_EQ(found[0][1].tokens, (std::vector<std::int32_t>{2, 0, 2}));
  EXPECT_EQ(found[0][2].tokens, (std::vector<std::int32_t>{2, 0, 0, 2}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(found[0][static_cast<std::size_t>(i)].score, (i + 1) * std::log(1.0 / 8), 1e-6);
  }
}

}  // namespace
}  // namespace lpmc
