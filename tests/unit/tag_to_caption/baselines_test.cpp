#include "lpmc/tag_to_caption/baselines.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

TEST(Baselines, JoinAllTagsInSeededOrder) {
  const std::vector<std::string> tags = {"a", "b", "c"};
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const std::string caption = tag_concat_caption(tags, seed);
    EXPECT_EQ(caption, tag_concat_caption(tags, seed));
    ++seen[caption];
  }
  ASSERT_EQ(seen.size(), 6U);
  // Each of 6 orders is expected 1000 times; five standard deviations (29) either side.
  for (const auto& [caption, times] : seen)
    EXPECT_NEAR(times, 1000, 145) << caption;
}

TEST(Baselines, TemplatePutsThePapersWordsBefore) {
  const std::vector<std::string> tags = {"jazz", "slow tempo", "piano"};
  EXPECT_EQ(template_caption(tags, 3), "the music is characterized by " + tag_concat_caption(tags, 3));
  EXPECT_EQ(template_caption(std::span(tags).subspan(0, 1), 9), "the music is characterized by jazz");
}

// The order of a seed is part of what a run's captions mean: it must not change with the compiler or the
// version.
TEST(Baselines, TheOrderOfASeedIsFixed) {
  const std::vector<std::string> tags = {"a", "b", "c", "d", "e", "f"};
  // By an independent SplitMix64 and Fisher-Yates shuffle in Python.
  EXPECT_EQ(tag_concat_caption(tags, 0), "e, c, f, d, a, b");
  EXPECT_EQ(tag_concat_caption(tags, 42), "e, d, a, c, f, b");
  EXPECT_EQ(question_seed(0, "track", "writing", 0), 291393909U);
}

TEST(QuestionSeed, DependsOnTheQuestionAlone) {
  std::set<std::uint64_t> seeds;
  for (const std::int64_t run : {0, 1, -1}) {
    for (const char* const record : {"a", "b", "ab"}) {
      for (const char* const prompt : {"writing", "summary", "b"}) {
        for (const int ask : {0, 1, 2}) {
          const std::uint64_t seed = question_seed(run, record, prompt, ask);
          EXPECT_LT(seed, std::uint64_t{1} << 31U);
          EXPECT_EQ(seed, question_seed(run, record, prompt, ask));
          seeds.insert(seed);
        }
      }
    }
  }
  EXPECT_EQ(seeds.size(), 81U);
}

}  // namespace
}  // namespace lpmc
