#include "lpmc/generation/logits_processors.h"

#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lpmc {
namespace {

using testing::ElementsAre;

constexpr float kBanned = -std::numeric_limits<float>::infinity();

struct ProcessorSetup {
  ProcessorSetup() {
    options.no_repeat_ngram = 0;
    options.min_length = 0;
    options.max_length = 100;
    special.forced_bos = -1;
    special.forced_eos = -1;
  }
  std::vector<float> apply(const std::vector<std::int32_t>& sequence, std::vector<float> scores) const {
    LogitsProcessors(options, special).apply(sequence, scores);
    return scores;
  }
  GenerationOptions options;
  SpecialTokens special;
};

TEST(LogitsProcessors, RepetitionPenaltyTakesEachTokenOnce) {
  ProcessorSetup setup;
  setup.options.repetition_penalty = 2.0;
  EXPECT_THAT(setup.apply({3, 1, 3, 3, 0}, {-1, 4, -5, -6, 7}), ElementsAre(-2, 2, -5, -12, 7));
  EXPECT_THAT(setup.apply({2}, {-1, 4, kBanned, 0, 7}), ElementsAre(-1, 4, kBanned, 0, 7));
}

TEST(LogitsProcessors, BansRepeatedNgrams) {
  ProcessorSetup setup;
  setup.options.no_repeat_ngram = 3;
  const std::vector<float> zeros(5, 0.0F);
  EXPECT_THAT(setup.apply({2, 0}, zeros), ElementsAre(0, 0, 0, 0, 0));
  // (2, 0) was followed by 4 and by 3.
  EXPECT_THAT(setup.apply({2, 0, 4, 2, 0, 3, 2, 0}, zeros), ElementsAre(0, 0, 0, kBanned, kBanned));
  EXPECT_THAT(setup.apply({1, 1, 1}, zeros), ElementsAre(0, kBanned, 0, 0, 0));
  setup.options.no_repeat_ngram = 1;
  EXPECT_THAT(setup.apply({2, 0, 4}, zeros), ElementsAre(kBanned, 0, kBanned, 0, kBanned));
  setup.options.no_repeat_ngram = 2;
  EXPECT_THAT(setup.apply({2, 0, 2}, zeros), ElementsAre(kBanned, 0, 0, 0, 0));
  setup.options.no_repeat_ngram = std::numeric_limits<int>::max();
  EXPECT_THAT(setup.apply({2, 0, 2, 0}, zeros), ElementsAre(0, 0, 0, 0, 0));
}

TEST(LogitsProcessors, MinLengthCountsTheStartToken) {
  ProcessorSetup setup;
  setup.options.min_length = 3;
  EXPECT_THAT(setup.apply({2, 0}, {1, 1, 1}), ElementsAre(1, 1, kBanned));
  EXPECT_THAT(setup.apply({2, 0, 0}, {1, 1, 1}), ElementsAre(1, 1, 1));
}

TEST(LogitsProcessors, ForcesTheFirstAndTheLastToken) {
  ProcessorSetup setup;
  setup.options.max_length = 4;
  setup.options.min_length = 4;
  setup.options.no_repeat_ngram = 1;
  setup.special.forced_bos = 0;
  setup.special.forced_eos = 2;
  EXPECT_THAT(setup.apply({2}, {5, 6, 7}), ElementsAre(0, kBanned, kBanned));
  EXPECT_THAT(setup.apply({2, 0}, {5, 6, 7}), ElementsAre(kBanned, 6, kBanned));
  // Forcing wins over the ban of 2 and over the minimum length.
  EXPECT_THAT(setup.apply({2, 0, 1}, {5, 6, 7}), ElementsAre(kBanned, kBanned, 0));
  const LogitsProcessors processors(setup.options, setup.special);
  EXPECT_EQ(processors.forced_token(1), 0);
  EXPECT_EQ(processors.forced_token(2), std::nullopt);
  EXPECT_EQ(processors.forced_token(3), 2);
  setup.options.max_length = 2;  // the first token is the last
  EXPECT_THAT(setup.apply({2}, {5, 6, 7}), ElementsAre(kBanned, kBanned, 0));
}

}  // namespace
}  // namespace lpmc
