#include "lpmc/text/bpe_merges.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "small_vocabulary.h"
#include <gtest/gtest.h>

#include "lpmc/text/bpe_tokenizer.h"

namespace lpmc {
namespace {

using test::MergePair;

/// Byte-pair encoding as it is told: find the most important pair, merge it everywhere from left to
/// right, look again. Quadratic.
std::vector<std::string> merge_naively(std::vector<std::string> word,
                                       const std::map<MergePair, std::size_t>& ranks) {
  for (;;) {
    auto best = ranks.end();
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = ranks.find({word[i], word[i + 1]});
      if (found != ranks.end() && (best == ranks.end() || found->second < best->second)) best = found;
    }
    if (best == ranks.end()) return word;
    std::vector<std::string> merged;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (i + 1 < word.size() && MergePair{word[i], word[i + 1]} == best->first) {
        merged.push_back(word[i] + word[i + 1]);
        ++i;
      } else {
        merged.push_back(word[i]);
      }
    }
    word = std::move(merged);
  }
}

/// Merges over the letters a, b, c in an order that training would never give: a merge may stand
/// before the one that makes its parts.
std::vector<MergePair> random_merges(std::mt19937& random) {
  std::vector<std::string> tokens{"a", "b", "c"};
  std::set<MergePair> merges;
  const std::size_t count = 1 + random() % 12;
  for (std::size_t i = 0; i < count; ++i) {
    const MergePair merge{tokens[random() % tokens.size()], tokens[random() % tokens.size()]};
    if (merges.insert(merge).second) tokens.push_back(merge.first + merge.second);
  }
  std::vector<MergePair> shuffled(merges.begin(), merges.end());
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  return shuffled;
}

TEST(BpeMerges, EqualTheNaiveAlgorithm) {
  std::mt19937 random(7);
  std::size_t merged_words = 0;
  for (int table = 0; table < 400; ++table) {
    const std::vector<MergePair> merges = random_merges(random);
    std::map<MergePair, std::size_t> ranks;
    for (std::size_t i = 0; i < merges.size(); ++i)
      ranks[merges[i]] = i;
    const auto tokenizer = BpeTokenizer::from_text(test::vocabulary_json(merges), test::merges_text(merges));
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::string text;
      std::vector<std::string> letters;
      const std::size_t length = 1 + random() % 30;
      for (std::size_t i = 0; i < length; ++i) {
        letters.emplace_back(1, "abc"[random() % 3]);
        text += letters.back();
      }
      const std::vector<std::string> expected = merge_naively(letters, ranks);
      std::vector<std::string> found;
      for (const std::int32_t id : tokenizer.encode(text, false))
        found.emplace_back(tokenizer.token(id));
      ASSERT_EQ(found, expected) << text << " with\n" << test::merges_text(merges);
      merged_words += expected.size() < letters.size() ? 1U : 0U;
    }
  }
  EXPECT_GT(merged_words, 4000U);  // of 8000: the test is not about words left alone
}

// A pair made during a pass is more important than the pair of the pass, and still has to wait.
TEST(BpeMerges, FinishAPassBeforeLookingAgain) {
  const std::vector<MergePair> merges{{"ab", "a"}, {"a", "b"}};
  const auto tokenizer = BpeTokenizer::from_text(test::vocabulary_json(merges), test::merges_text(merges));
  std::vector<std::string> found;
  for (const std::int32_t id : tokenizer.encode("abab", false))
    found.emplace_back(tokenizer.token(id));
  EXPECT_EQ(found, (std::vector<std::string>{"ab", "ab"}));
}

TEST(BpeMerges, TakeAVeryLongWord) {
  const auto tokenizer = BpeTokenizer::from_text(test::vocabulary_json(test::small_merges()),
                                                 test::merges_text(test::small_merges()));
  // "aa" + "a" comes only after all "a a": 400,000 letters are 200,000 times "aa". A quadratic
  // algorithm would not come back within the test's time.
  const std::vector<std::int32_t> ids = tokenizer.encode(std::string(400000, 'a'), false);
  EXPECT_EQ(ids, std::vector<std::int32_t>(200000, 273));
}

}  // namespace
}  // namespace lpmc
