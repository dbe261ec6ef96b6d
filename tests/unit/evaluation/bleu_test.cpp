#include "lpmc/evaluation/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bleu_tokenizer.h"

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using Tokens = std::vector<std::string>;

/// Counts by a map of n-grams, as the definition says it.
BleuCounts plain_counts(const Tokens& prediction, const std::vector<Tokens>& references) {
  const auto grams = [](const Tokens& text, std::size_t n) {
    std::map<Tokens, std::int64_t> counts;
    for (std::size_t i = 0; i + n <= text.size(); ++i)
      ++counts[Tokens(text.begin() + static_cast<std::ptrdiff_t>(i),
                      text.begin() + static_cast<std::ptrdiff_t>(i + n))];
    return counts;
  };
  BleuCounts counts;
  counts.prediction_length = std::ssize(prediction);
  counts.reference_length = std::ssize(references[0]);
  for (const Tokens& reference : references)
    counts.reference_length = std::min<std::int64_t>(counts.reference_length, std::ssize(reference));
  for (std::size_t n = 1; n <= kBleuOrders; ++n) {
    for (const auto& [gram, count] : grams(prediction, n)) {
      std::int64_t most = 0;
      for (const Tokens& reference : references) {
        const auto found = grams(reference, n);
        if (found.contains(gram)) most = std::max(most, found.at(gram));
      }
      counts.matches[n - 1] += std::min(count, most);
      counts.totals[n - 1] += count;
    }
  }
  return counts;
}

TEST(BleuTokenizer, SeparatesPunctuationAndKeepsCase) {
  EXPECT_THAT(tokenize_13a("A lo-fi beat, don't stop (live)!"),
              ElementsAre("A", "lo-fi", "beat", ",", "don't", "stop", "(", "live", ")", "!"));
}

TEST(BleuTokenizer, LeavesMarksInsideNumbers) {
  EXPECT_THAT(tokenize_13a("1,000 at 92.5, 3. and .5 of 10-20"),
              ElementsAre("1,000", "at", "92.5", ",", "3", ".", "and", ".", "5", "of", "10", "-", "20"));
}

TEST(BleuTokenizer, LooksAtEachMarkOnce) {
  EXPECT_THAT(tokenize_13a("loud..."), ElementsAre("loud", ".", ".", "."));
  EXPECT_THAT(tokenize_13a("1.,5"), ElementsAre("1", ".", ",", "5"));
  EXPECT_THAT(tokenize_13a("1.5.2, 3,,4"), ElementsAre("1.5.2", ",", "3", ",", ",", "4"));
}

TEST(BleuTokenizer, TakesBackEntitiesAndBrokenLines) {
  EXPECT_THAT(tokenize_13a("a&amp;quot;b <skipped>c-\nd\ne"),
              ElementsAre("a", "&", "quot", ";", "b", "cd", "e"));
  EXPECT_THAT(tokenize_13a("&lt;&quot;&gt;"), ElementsAre("<", "\"", ">"));
}

TEST(BleuTokenizer, SplitsAtUnicodeWhiteSpace) {
  EXPECT_THAT(tokenize_13a("a\u3000b\u00A0caf\u00E9\u2009."), ElementsAre("a", "b", "caf\u00E9", "."));
  EXPECT_THAT(tokenize_13a("a\xFF."), ElementsAre("a\uFFFD", "."));
  EXPECT_TRUE(tokenize_13a(" \t\n").empty());
}

TEST(Bleu, CountsAsTheDefinitionSays) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Tokens> texts(2 + random() % 3);
    for (Tokens& text : texts) {
      for (std::size_t i = random() % 20; i > 0; --i)
        text.emplace_back(1, "abc"[random() % 3]);
    }
    const Tokens prediction = texts.back();
    texts.pop_back();
    EXPECT_EQ(bleu_counts(prediction, texts), plain_counts(prediction, texts));
  }
}

TEST(Bleu, ClipsByTheLargestReferenceAndTakesTheShortestLength) {
  const std::vector<Tokens> references{{"la", "la", "x", "y"}, {"la", "x", "x"}};
  const BleuCounts counts = bleu_counts(Tokens{"la", "la", "la", "x", "x"}, references);
  EXPECT_EQ(counts.matches[0], 4);
  EXPECT_EQ(counts.totals[0], 5);
  EXPECT_EQ(counts.reference_length, 3);
}

TEST(Bleu, OfATextWithItselfIsOne) {
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    const std::string text = test::random_text(random) + " one two three four";
    const BleuCounts counts = bleu_counts(ClipCaptions{"", text, {text}, ""});
    for (int order = 1; order <= kBleuOrders; ++order)
      EXPECT_DOUBLE_EQ(bleu(counts, order), 1) << text;
  }
}

TEST(Bleu, PenalisesShortPredictionsOnly) {
  BleuCounts counts;
  counts.matches = {4, 3, 2, 1};
  counts.totals = {4, 3, 2, 1};
  counts.prediction_length = 4;
  counts.reference_length = 8;
  EXPECT_DOUBLE_EQ(bleu(counts, 4), std::exp(-1.0));
  counts.reference_length = 3;
  EXPECT_DOUBLE_EQ(bleu(counts, 4), 1);
}

TEST(Bleu, IsZeroWithoutAMatchOrWithoutWords) {
  const auto score = [](const std::string& prediction, const std::string& reference, int order) {
    return bleu(bleu_counts(ClipCaptions{"", prediction, {reference}, ""}), order);
  };
  EXPECT_EQ(score("one", "one", 2), 0);
  EXPECT_EQ(score("one", "one", 1), 1);
  EXPECT_EQ(score("", "one", 1), 0);
  EXPECT_EQ(score("one", "", 1), 0);
  EXPECT_EQ(score("", "", 1), 0);
  EXPECT_EQ(bleu(BleuCounts{}, 4), 0);
}

TEST(Bleu, RefusesClipsWithoutReferenceAndOrdersThatAreNone) {
  EXPECT_THROW(bleu_counts(ClipCaptions{"", "a", {}, ""}), Error);
  EXPECT_THROW(bleu(BleuCounts{}, 0), Error);
  EXPECT_THROW(bleu(BleuCounts{}, 5), Error);
}

TEST(Bleu, TakesLongTexts) {
  std::mt19937 random(4);
  Tokens words;
  for (int i = 0; i < 100000; ++i)
    words.push_back("w" + std::to_string(random() % 5000));
  const BleuCounts counts = bleu_counts(words, std::vector<Tokens>{words});
  EXPECT_EQ(counts.matches, counts.totals);
  EXPECT_EQ(counts.totals[3], 99997);
  const BleuCounts same = bleu_counts(Tokens(100000, "la"), std::vector<Tokens>{Tokens(100000, "la")});
  EXPECT_EQ(same.matches, same.totals);
}

}  // namespace
}  // namespace lpmc
