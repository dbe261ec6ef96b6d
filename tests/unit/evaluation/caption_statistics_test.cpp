#include "lpmc/evaluation/caption_statistics.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gmock/gmock.h>

namespace lpmc {
namespace {

using testing::ElementsAre;

std::vector<ClipCaptions> clips_of(const std::vector<std::string>& predictions) {
  std::vector<ClipCaptions> clips;
  for (const std::string& prediction : predictions)
    clips.push_back({"", prediction, {"x"}, ""});
  return clips;
}

TEST(CaptionLengths, CountPiecesBetweenWhiteSpace) {
  EXPECT_EQ(caption_length("a  slow\tsong,\u3000ok\n"), 4U);
  EXPECT_EQ(caption_length(""), 0U);
  EXPECT_EQ(caption_length("\u00A0\x1C"), 0U);
  EXPECT_EQ(caption_length("\xFF \U0001F3B5"), 2U);
}

TEST(CaptionLengths, GiveMeanAndDeviationOfThePopulation) {
  const LengthStatistics lengths = caption_lengths(clips_of({"one", "one two three", "", "a b c d"}));
  EXPECT_DOUBLE_EQ(lengths.mean, 2);
  EXPECT_DOUBLE_EQ(lengths.standard_deviation, std::sqrt(2.5));
  EXPECT_EQ(caption_lengths({}).mean, 0);
}

TEST(VocabularyWords, LoseCommasPeriodsAndCaseOnly) {
  EXPECT_THAT(vocabulary_words("Lo-Fi, e.g. (soft)! ,. \u0130"),
              ElementsAre("lo-fi", "eg", "(soft)!", "i\u0307"));
}

TEST(Vocabulary, OfThePublicationIsCutToTheShorterList) {
  const std::vector<ClipCaptions> clips = clips_of({"slow piano", "fast drums", "new words"});
  const std::vector<std::string> train{"Slow.", "drums and bass"};
  const VocabularyStatistics cut = vocabulary_published(clips, train);
  EXPECT_EQ(cut.size, 4);
  EXPECT_EQ(cut.novel, 2);
  EXPECT_DOUBLE_EQ(cut.novelty(), 0.5);
  EXPECT_EQ(cut.predictions, 2);
  const VocabularyStatistics all = vocabulary_all(clips, train);
  EXPECT_EQ(all.size, 6);
  EXPECT_EQ(all.novel, 4);
  EXPECT_EQ(all.predictions, 3);
  const std::vector<std::string> longer{"slow", "x", "y", "fast"};
  EXPECT_EQ(vocabulary_published(clips, longer).train_captions, 3);
  EXPECT_EQ(vocabulary_published(clips, longer).novel, 5);
  EXPECT_EQ(vocabulary_all(clips, longer).novel, 4);
}

TEST(Vocabulary, OfNothingIsEmpty) {
  EXPECT_EQ(vocabulary_published(clips_of({"a"}), {}).size, 0);
  EXPECT_EQ(vocabulary_published({}, {}).novelty(), 0);
}

TEST(Vocabulary, OfAllDoesNotDependOnTheOrder) {
  std::vector<ClipCaptions> clips = clips_of({"a b", "c d e", "a c", "f, g."});
  const std::vector<std::string> train{"a g"};
  const VocabularyStatistics before = vocabulary_all(clips, train);
  std::reverse(clips.begin(), clips.end());
  const VocabularyStatistics after = vocabulary_all(clips, train);
  EXPECT_EQ(before.size, after.size);
  EXPECT_EQ(before.novel, after.novel);
}

TEST(CaptionNovelty, ComparesRawCaptionsEachOnce) {
  EXPECT_DOUBLE_EQ(caption_novelty(clips_of({"a", "b", "a", "A"}), std::vector<std::string>{"b", "x"}),
                   2.0 / 3);
  EXPECT_EQ(caption_novelty(clips_of({"a"}), {}), 1);
  EXPECT_EQ(caption_novelty({}, std::vector<std::string>{"a"}), 0);
}

}  // namespace
}  // namespace lpmc
