#include "lpmc/evaluation/rouge_l.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using Tokens = std::vector<std::string>;

/// The dynamic programme, one row at a time.
std::size_t plain_subsequence(const Tokens& a, const Tokens& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

Tokens random_words(std::mt19937& random, std::size_t length, unsigned kinds) {
  Tokens words;
  for (std::size_t i = 0; i < length; ++i)
    words.push_back(std::to_string(random() % kinds));
  return words;
}

double score(const std::string& prediction, const std::string& reference) {
  return rouge_l(ClipCaptions{"", prediction, {reference}, ""});
}

TEST(RougeTokenizer, KeepsRunsOfLettersAndDigits) {
  EXPECT_THAT(tokenize_rouge("A LO-FI 90's caf\u00E9_beat!"),
              ElementsAre("a", "lo", "fi", "90", "s", "caf", "beat"));
  EXPECT_THAT(tokenize_rouge("\u212Aick"), ElementsAre("kick"));  // the Kelvin sign's lower case is a k
  EXPECT_TRUE(tokenize_rouge("... \U0001F3B5 \xFF").empty());
}

TEST(LongestCommonSubsequence, IsThatOfTheDynamicProgramme) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const unsigned kinds = 1 + random() % (round % 2 == 0 ? 4 : 100);
    const Tokens a = random_words(random, random() % 300, kinds),
                 b = random_words(random, random() % 300, kinds);
    EXPECT_EQ(longest_common_subsequence(a, b), plain_subsequence(a, b));
    EXPECT_EQ(longest_common_subsequence(b, a), plain_subsequence(a, b));
  }
}

TEST(LongestCommonSubsequence, TakesLongTexts) {
  std::mt19937 random(2);
  const Tokens rare = random_words(random, 100000, 60000);
  EXPECT_EQ(longest_common_subsequence(rare, rare), rare.size());
  const Tokens one(100000, "la");
  EXPECT_EQ(longest_common_subsequence(one, Tokens(70000, "la")), 70000U);
  Tokens few = random_words(random, 100000, 3);
  Tokens shorter = few;
  shorter.erase(shorter.begin() + 500, shorter.begin() + 900);
  EXPECT_EQ(longest_common_subsequence(few, shorter), shorter.size());
}

TEST(RougeL, IsTheHarmonicMeanOfPrecisionAndRecall) {
  const RougeL value = rouge_l(Tokens{"a", "x", "b", "c"}, Tokens{"a", "b", "y", "c", "z", "w"});
  EXPECT_EQ(value.common, 3U);
  EXPECT_DOUBLE_EQ(value.precision(), 0.75);
  EXPECT_DOUBLE_EQ(value.recall(), 0.5);
  EXPECT_DOUBLE_EQ(value.f1(), 0.6);
}

TEST(RougeL, IsSymmetricAndOneOfATextWithItself) {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    const std::string a = test::random_text(random) + " one tune",
                      b = test::random_text(random) + " tune two";
    EXPECT_DOUBLE_EQ(score(a, b), score(b, a));
    EXPECT_DOUBLE_EQ(score(a, a), 1);
    EXPECT_LT(score(a, b), 1 + 1e-12);
  }
}

TEST(RougeL, IsZeroOfNothing) {
  EXPECT_EQ(score("", "a song"), 0);
  EXPECT_EQ(score("...", "..."), 0);
  EXPECT_EQ(score("", ""), 0);
  EXPECT_EQ(score("drums", "bass"), 0);
}

TEST(RougeL, TakesTheBestReference) {
  EXPECT_DOUBLE_EQ(rouge_l(ClipCaptions{"", "a slow song", {"drums", "A slow song.", "song"}, ""}), 1);
  EXPECT_THROW(rouge_l(ClipCaptions{"", "a", {}, ""}), Error);
}

}  // namespace
}  // namespace lpmc
