#include "lpmc/evaluation/diversity.h"

#include <algorithm>
#include <numeric>
#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bleu.h"
#include "lpmc/evaluation/bleu_tokenizer.h"
#include "lpmc/evaluation/playntell.h"
#include "lpmc/evaluation/rouge_l.h"

namespace lpmc {
namespace {

using Texts = std::vector<std::vector<std::string>>;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

Texts tokens_of(const std::vector<std::string>& texts,
                std::vector<std::string> (*tokenize)(std::string_view)) {
  Texts tokens;
  for (const std::string& text : texts)
    tokens.push_back(tokenize(text));
  return tokens;
}

const std::vector<std::string> kTexts = {"a soft piano melody", "a soft guitar melody", "loud drums"};

TEST(Diversity, DistinctCountsDifferentNgrams) {
  const Texts texts = tokens_of(kTexts, tokenize_rouge);
  EXPECT_DOUBLE_EQ(distinct_n(texts, 1), 0.7);
  EXPECT_DOUBLE_EQ(distinct_n(texts, 2), 6.0 / 7);
  EXPECT_DOUBLE_EQ(distinct_n(texts, 3), 1);
  EXPECT_EQ(distinct_n(texts, 5), 0);
  EXPECT_EQ(distinct_n({}, 1), 0);
  EXPECT_THROW(distinct_n(texts, 0), Error);
}

TEST(Diversity, SelfBleuEqualsPublishedExamples) {
  EXPECT_THAT(self_bleu(tokens_of(kTexts, tokenize_13a), 2),
              ElementsAre(DoubleNear(0.5, 1e-15), DoubleNear(0.5, 1e-15), 0));
  EXPECT_THAT(self_bleu(tokens_of(kTexts, tokenize_13a), 4), ElementsAre(0, 0, 0));
  const Texts twice =
      tokens_of({"a soft piano melody", "a soft piano melody", "a loud guitar solo here"}, tokenize_13a);
  EXPECT_THAT(self_bleu(twice, 4), ElementsAre(1, 1, 0));
}

TEST(Diversity, SelfBleuEqualsBleuAgainstAllOthers) {
  std::mt19937 random(1);
  Texts texts(12);
  for (auto& text : texts) {
    text.resize(1 + random() % 12);
    for (std::string& word : text)
      word = std::string(1, static_cast<char>('a' + random() % 4));
  }
  for (const int order : {1, 2, 3, 4}) {
    const std::vector<double> scores = self_bleu(texts, order);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Texts others = texts;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_EQ(scores[i], bleu(bleu_counts(texts[i], others), order)) << i;
    }
  }
  EXPECT_THROW(self_bleu(std::span(texts).first(1), 2), Error);
  EXPECT_THROW(self_bleu(texts, 5), Error);
}

TEST(Diversity, SamplesAreRepeatableAndDifferent) {
  const auto sample = sample_indices(100, 10, 7);
  EXPECT_EQ(sample, sample_indices(100, 10, 7));
  EXPECT_NE(sample, sample_indices(100, 10, 8));
  EXPECT_EQ(sample.size(), 10U);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  EXPECT_EQ(std::adjacent_find(sample.begin(), sample.end()), sample.end());
  EXPECT_EQ(sample_indices(3, 0, 0), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(sample_indices(3, 9, 0).size(), 3U);
}

TEST(Playntell, CountsAllPredictionsAndSingleSpaces) {
  const std::vector<ClipCaptions> clips = {
      {"", "a  b", {"x"}, ""}, {"", "a b", {"x"}, ""}, {"", "a b", {"x"}, ""}, {"", "c", {"x"}, ""}};
  const std::vector<std::string> train = {"a b"};
  const PlayntellDiversity diversity = playntell_diversity(clips, train);
  EXPECT_EQ(diversity.perc_novel, 50);
  EXPECT_EQ(diversity.vocabulary, 4);  // a, b, c and the empty piece
}

}  // namespace
}  // namespace lpmc
