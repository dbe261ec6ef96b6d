#include "lpmc/evaluation/coco_metrics.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

std::vector<TokenizedClip> clips_of(std::span<const ClipCaptions> clips) {
  return tokenize_clips(clips, [](std::string_view text) {
    const auto pieces = split_white_space(text);
    return std::vector<std::string>(pieces.begin(), pieces.end());
  });
}

double corpus_bleu(std::span<const TokenizedClip> clips, int order) {
  BleuCounts sum;
  for (const TokenizedClip& clip : clips)
    sum += coco_bleu_counts(clip);
  return coco_bleu(sum, order);
}

const std::vector<ClipCaptions> kOne = {
    {"", "a soft piano melody plays", {"a soft slow piano melody"}, ""},
    {"", "loud drums and guitar", {"loud drums with electric guitar"}, ""},
    {"", "a choir sings in a church", {"a choir is singing in a big church"}, ""}};
const std::vector<ClipCaptions> kTwo = {
    {"", "a soft piano melody plays", {"a soft slow piano melody", "someone plays the piano softly"}, ""},
    {"", "loud drums and guitar", {"loud drums with electric guitar", "rock guitar and loud drums"}, ""}};

// Values of playntell's scorers (pycocoevalcap) on white-space tokens.
TEST(CocoMetrics, EqualPycocoevalcapOnOneReference) {
  const auto clips = clips_of(kOne);
  const double bleu[] = {0.6549846023750545, 0.472694420616433, 2.7291025098404692e-06,
                         7.257087340068945e-09};
  for (int order = 1; order <= 4; ++order)
    EXPECT_NEAR(corpus_bleu(clips, order), bleu[order - 1], 1e-14);
  const double cider[] = {3.1455823617890344, 2.3656532951111315, 2.336577102412096};
  const double rouge[] = {0.8, 0.6535714285714286, 0.6963470319634703};
  const std::vector<double> scores = cider_d(clips);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    EXPECT_NEAR(scores[i], cider[i], 1e-13);
    EXPECT_NEAR(coco_rouge_l(clips[i]), rouge[i], 1e-15);
  }
}

TEST(CocoMetrics, EqualPycocoevalcapOnTwoReferences) {
  const auto clips = clips_of(kTwo);
  const double bleu[] = {0.894839316615517, 0.5858098433068674, 3.945446216761658e-06,
                         1.1633972860365571e-08};
  for (int order = 1; order <= 4; ++order)
    EXPECT_NEAR(corpus_bleu(clips, order), bleu[order - 1], 1e-14);
  const std::vector<double> scores = cider_d(clips);
  EXPECT_NEAR(scores[0], 2.125, 1e-13);
  EXPECT_NEAR(scores[1], 2.6413065642278157, 1e-13);
  EXPECT_NEAR(coco_rouge_l(clips[1]), 0.6535714285714286, 1e-15);
}

TEST(CocoMetrics, OfATextWithItselfAreTheHighest) {
  const std::vector<ClipCaptions> same = {{"", "a b c d e", {"a b c d e"}, ""},
                                          {"", "f g h i j", {"f g h i j"}, ""}};
  const auto clips = clips_of(same);
  EXPECT_NEAR(corpus_bleu(clips, 4), 0.9999999997395838, 1e-15);
  for (const double score : cider_d(clips))
    EXPECT_NEAR(score, 10, 1e-13);
  EXPECT_EQ(coco_rouge_l(clips[0]), 1);
}

TEST(CocoMetrics, TakeTheClosestReferenceLengthAndOfTwoTheShorter) {
  const auto length = [](std::vector<std::vector<std::string>> references) {
    return coco_bleu_counts({{"a", "b", "c", "d"}, std::move(references)}).reference_length;
  };
  EXPECT_EQ(length({{"a"}, {"a", "b", "c", "d", "e"}}), 5);
  EXPECT_EQ(length({{"a", "b", "c", "d", "e"}, {"a", "b", "c"}}), 3);
  EXPECT_EQ(length({{"a", "b", "c"}, {"a", "b", "c", "d", "e"}}), 3);
  EXPECT_EQ(length({{"a"}, {"a", "b"}}), 2);
}

TEST(CocoMetrics, ScoreEmptyTextsZero) {
  const std::vector<ClipCaptions> empty = {{"", "", {"a b"}, ""}, {"", "a b", {""}, ""}, {"", "", {""}, ""}};
  const auto clips = clips_of(empty);
  for (const double score : cider_d(clips))
    EXPECT_EQ(score, 0);
  for (const TokenizedClip& clip : clips)
    EXPECT_EQ(coco_rouge_l(clip), 0);
  EXPECT_LT(corpus_bleu(clips, 4), 1e-3);
  EXPECT_THROW(cider_d(std::span(clips).first(1)), Error);
  EXPECT_THROW(coco_bleu({}, 5), Error);
}

TEST(CocoMetrics, DoNotDependOnOrderOrThreads) {
  const std::vector<double> scores = cider_d(clips_of(kOne));
  std::vector<ClipCaptions> reversed(kOne.rbegin(), kOne.rend());
  set_num_threads(3);
  std::vector<double> others = cider_d(clips_of(reversed));
  set_num_threads(0);
  std::reverse(others.begin(), others.end());
  EXPECT_EQ(scores, others);
}

}  // namespace
}  // namespace lpmc
