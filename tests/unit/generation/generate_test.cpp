#include "lpmc/generation/generate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "table_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

using testing::Each;
using testing::ElementsAre;
using Tokens = std::vector<std::int32_t>;

std::vector<std::vector<Hypothesis>> search(const test::LogitTable& table, std::vector<std::int64_t> segments,
                                            const GenerationOptions& options,
                                            const SpecialTokens& special = {}) {
  const auto count = static_cast<std::int64_t>(segments.size());
  test::TableNetwork network(table, std::move(segments));
  return generate(network.step_fn(), count, table.vocab_size, options, special);
}

void expect_identical(const std::vector<Hypothesis>& a, const std::vector<Hypothesis>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].tokens, b[i].tokens);
    EXPECT_EQ(a[i].score, b[i].score);
  }
}

TEST(Generate, SegmentsDoNotTouchEachOther) {
  for (const int num_beams : {1, 2, 5}) {
    const test::LogitTable table{.seed = 21, .vocab_size = 50, .scale = 4, .end_bonus = 4};
    GenerationOptions options;
    options.num_beams = num_beams;
    options.max_length = 20;
    options.n_best = num_beams;
    std::vector<std::int64_t> segments(9);
    std::iota(segments.begin(), segments.end(), 0);
    const auto together = search(table, segments, options);
    std::vector<std::int64_t> reversed(segments.rbegin(), segments.rend());
    const auto backwards = search(table, reversed, options);
    set_num_threads(1);
    const auto one_thread = search(table, segments, options);
    set_num_threads(4);
    const auto four_threads = search(table, segments, options);
    set_num_threads(0);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      expect_identical(search(table, {segments[i]}, options)[0], together[i]);
      expect_identical(backwards[segments.size() - 1 - i], together[i]);
      expect_identical(one_thread[i], together[i]);
      expect_identical(four_threads[i], together[i]);
    }
  }
}

TEST(Generate, FinishedSegmentsLeaveTheBatch) {
  const test::LogitTable table{.seed = 5, .vocab_size = 40, .scale = 4, .end_bonus = 3};
  GenerationOptions options;
  options.num_beams = 3;
  options.max_length = 30;
  test::TableNetwork network(table, {0, 1, 2, 3, 4, 5});
  generate(network.step_fn(), 6, table.vocab_size, options, {});
  const std::vector<std::size_t>& rows = network.rows_of_steps();
  EXPECT_EQ(rows.front(), 18U);
  EXPECT_EQ(rows.back() % 3, 0U);
  EXPECT_LT(rows.back(), 18U);
  EXPECT_TRUE(std::is_sorted(rows.rbegin(), rows.rend()));
}

TEST(Generate, NamesParentsAsTheContractSays) {
  std::vector<Tokens> parents_of_steps;
  std::vector<float> logits;
  const StepFn step = [&](std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens) {
    parents_of_steps.emplace_back(parents.begin(), parents.end());
    if (parents_of_steps.size() == 1) {
      EXPECT_THAT(Tokens(tokens.begin(), tokens.end()), Each(2));
    }
    logits.assign(parents.size() * 20, 0.0F);
    for (std::size_t i = 0; i < logits.size(); ++i)
      logits[i] = static_cast<float>(i % 7);
    return TensorView(logits.data(), DType::f32, {static_cast<std::int64_t>(parents.size()), 20});
  };
  GenerationOptions options;
  options.num_beams = 2;
  options.max_length = 4;
  generate(step, 3, 20, options, {});
  ASSERT_EQ(parents_of_steps.size(), 3U);
  EXPECT_THAT(parents_of_steps[0], ElementsAre(0, 0, 1, 1, 2, 2));
  // The forced first token: all go on from the rows they were.
  EXPECT_THAT(parents_of_steps[1], ElementsAre(0, 1, 2, 3, 4, 5));
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(parents_of_steps[2][i] / 2, static_cast<int>(i / 2));
}

TEST(Generate, OfNothingIsNothing) {
  const StepFn never = [](auto, auto) -> TensorView { throw std::logic_error("no step was due"); };
  EXPECT_TRUE(generate(never, 0, 10, {}, {}).empty());
  EXPECT_THROW(generate(never, -1, 10, {}, {}), Error);
}

TEST(Generate, EndsWhateverTheEndTokenDoes) {
  for (const int num_beams : {1, 4}) {
    for (const bool sample : {false, true}) {
      for (const double bonus : {-1000.0, 1000.0}) {
        for (const bool early_stopping : {false, true}) {
          const test::LogitTable table{.seed = 2, .vocab_size = 30, .scale = 4, .end_bonus = bonus};
          GenerationOptions options;
          options.num_beams = num_beams;
          options.sample = sample;
          options.early_stopping = early_stopping;
          options.max_length = 12;
          const Hypothesis best = search(table, {0}, options)[0].at(0);
          if (bonus > 0) {
            EXPECT_EQ(best.tokens, (Tokens{2, 0, 2}));
          } else {
            EXPECT_EQ(best.tokens.size(), 12U);
          }
          EXPECT_EQ(best.tokens.back(), 2);
          SpecialTokens none;
          none.eos = none.forced_bos = none.forced_eos = -1;
          EXPECT_EQ(search(table, {0}, options, none)[0].at(0).tokens.size(), 12U);
        }
      }
    }
  }
}

TEST(Generate, TheShortestOutput) {
  const test::LogitTable table{.seed = 2, .vocab_size = 30};
  for (const int num_beams : {1, 4}) {
    GenerationOptions options;
    options.num_beams = num_beams;
    options.max_length = 2;
    EXPECT_EQ(search(table, {0}, options)[0].at(0).tokens, (Tokens{2, 2}));  // forced end
    SpecialTokens special;
    special.forced_eos = -1;
    EXPECT_EQ(search(table, {0}, options, special)[0].at(0).tokens, (Tokens{2, 0}));
  }
}

TEST(Generate, TheSmallestVocabulary) {
  for (const std::int32_t vocab_size : {2, 3, 5}) {
    for (const int num_beams : {1, 2, 8}) {
      for (const bool sample : {false, true}) {
        for (const int ngram : {0, 1, 2}) {
          const test::LogitTable table{.seed = 4, .vocab_size = vocab_size};
          GenerationOptions options;
          options.num_beams = num_beams;
          options.sample = sample;
          options.no_repeat_ngram = ngram;
          options.max_length = 10;
          options.n_best = sample ? 2 : num_beams;
          SpecialTokens special;
          special.eos = special.decoder_start = special.forced_eos = vocab_size == 2 ? 1 : 2;
          const auto hypotheses = search(table, {0}, options, special)[0];
          ASSERT_EQ(hypotheses.size(), static_cast<std::size_t>(options.n_best));
          for (const Hypothesis& hypothesis : hypotheses) {
            EXPECT_LE(hypothesis.tokens.size(), 10U);
            for (const std::int32_t token : hypothesis.tokens)
              EXPECT_TRUE(token >= 0 && token < vocab_size);
            EXPECT_FALSE(std::isnan(hypothesis.score));
          }
        }
      }
    }
  }
}

TEST(Generate, ReportsWhatIsNoLogit) {
  const auto message_with = [](float bad, int num_beams, bool sample) -> std::string {
    std::vector<float> logits;
    const StepFn step = [&](std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens) {
      logits.assign(parents.size() * 20, 0.5F);
      if (tokens.back() != 2) logits[20 * (parents.size() - 1) + 7] = bad;
      return TensorView(logits.data(), DType::f32, {static_cast<std::int64_t>(parents.size()), 20});
    };
    GenerationOptions options;
    options.num_beams = num_beams;
    options.sample = sample;
    try {
      generate(step, 1, 20, options, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return error.what();
    }
    return "no error";
  };
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const bool sample : {false, true}) {
    EXPECT_EQ(message_with(nan, 3, sample), "logits: found NaN at row 2");
    EXPECT_EQ(message_with(nan, 1, sample), "logits: found NaN at row 0");
    EXPECT_EQ(message_with(inf, 3, sample), "logits: found inf at row 2");
    EXPECT_EQ(message_with(inf, 1, sample), "logits: found inf at row 0");
    EXPECT_EQ(message_with(-inf, 3, sample), "no error");
  }
}

TEST(Generate, ChecksTheShapeOfLogits) {
  std::vector<float> logits(1000);
  const StepFn step = [&](auto, auto) { return TensorView(logits.data(), DType::f32, {4, 20}); };
  try {
    generate(step, 1, 20, {}, {});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "logits: expected [5, 20], found [4, 20]");
  }
  const StepFn doubles = [&](auto, auto) { return TensorView(logits.data(), DType::f64, {5, 20}); };
  EXPECT_THROW(generate(doubles, 1, 20, {}, {}), Error);
}

TEST(SegmentSearch, IsMovedOnByItsOwner) {
  const test::LogitTable table{.seed = 21, .vocab_size = 50, .scale = 4, .end_bonus = 4};
  GenerationOptions options;
  options.max_length = 20;
  SegmentSearch search_one(options, {}, 50);
  EXPECT_THAT(search_one.parents(), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(search_one.tokens(), ElementsAre(2, 2, 2, 2, 2));
  EXPECT_THROW(search_one.take_hypotheses(), Error);
  SegmentSearch moved = std::move(search_one);
  std::vector<Tokens> sequences(1);  // of the rows; first the segment, of which all rows begin
  while (!moved.done()) {
    std::vector<Tokens> next;
    std::vector<float> logits;
    for (std::size_t i = 0; i < moved.tokens().size(); ++i) {
      next.push_back(sequences.at(static_cast<std::size_t>(moved.parents()[i])));
      next.back().push_back(moved.tokens()[i]);
      const std::vector<float> row = table.logits(0, next.back());
      logits.insert(logits.end(), row.begin(), row.end());
    }
    sequences = next;
    moved.advance(TensorView(logits.data(), DType::f32, {static_cast<std::int64_t>(next.size()), 50}));
  }
  EXPECT_TRUE(moved.parents().empty());
  EXPECT_TRUE(moved.tokens().empty());
  std::vector<float> more(5 * 50);
  EXPECT_THROW(moved.advance(TensorView(more.data(), DType::f32, {5, 50})), Error);
  expect_identical(moved.take_hypotheses(), search(table, {0}, options)[0]);
}

}  // namespace
}  // namespace lpmc
