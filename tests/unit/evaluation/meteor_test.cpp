#include "lpmc/evaluation/meteor.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/word_tokenizer.h"

#include "tests/support/fixtures.h"
#include "tests/support/random_text.h"
#include "tests/unit/evaluation/tiny_wordnet.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using testing::Pair;

class MeteorTest : public testing::Test {
 protected:
  MeteorTest() {
    test::TinyWordNet words;
    words.synset("noun", {"song", "tune"})
        .synset("adj", {"quick", "fast(a)"})
        .synset("noun", {"melody", "air"});
    words.write(folder_.path());
    wordnet_.emplace(folder_.path());
    meteor_.emplace(*wordnet_);
  }

  double score(const std::string& prediction, const std::string& reference) const {
    return meteor_->score({"", prediction, {reference}, ""});
  }
  MeteorAlignment align(const std::string& prediction, const std::string& reference) const {
    return meteor_->align(tokenize_nltk(prediction), tokenize_nltk(reference));
  }

  test::TemporaryFolder folder_;
  std::optional<WordNet> wordnet_;
  std::optional<Meteor> meteor_;
};

/// The greedy alignment as it is told: lists walked from the back, no index.
std::size_t plain_matches(std::vector<std::string> predicted, std::vector<std::string> referred) {
  std::size_t matches = 0;
  for (std::size_t i = predicted.size(); i-- > 0;) {
    for (std::size_t j = referred.size(); j-- > 0;) {
      if (predicted[i] != referred[j]) continue;
      referred.erase(referred.begin() + static_cast<std::ptrdiff_t>(j));
      ++matches;
      break;
    }
  }
  return matches;
}

TEST_F(MeteorTest, MatchesWordsThenStemsThenSynonyms) {
  const MeteorAlignment alignment = align("A fast song dancing", "dance tune quick a");
  EXPECT_THAT(alignment.matches, ElementsAre(Pair(0, 3), Pair(1, 2), Pair(2, 1), Pair(3, 0)));
  EXPECT_EQ(alignment.exact, 1);
  EXPECT_EQ(alignment.stem, 1);
  EXPECT_EQ(alignment.synonym, 2);
  EXPECT_EQ(alignment.chunks, 4);
}

TEST_F(MeteorTest, LooksUpSynonymsOfStems) {
  // "melody" and "air" are synonyms, but the stem "melodi" is in no set.
  EXPECT_EQ(align("melody", "air").synonym, 0);
  EXPECT_EQ(align("air", "melody").synonym, 0);
  EXPECT_EQ(align("song", "tune").synonym, 1);
}

TEST_F(MeteorTest, TakesTheRightmostOfEqualWords) {
  const MeteorAlignment alignment = align("drums drums", "drums bass drums drums");
  EXPECT_THAT(alignment.matches, ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_EQ(alignment.chunks, 1);
}

TEST_F(MeteorTest, ScoresByTheFormula) {
  // Three of three words match three of four, in two chunks.
  const double precision = 1, recall = 0.75;
  const double mean = precision * recall / (0.9 * precision + (1 - 0.9) * recall);
  EXPECT_DOUBLE_EQ(score("slow sad piano", "slow and sad piano"), mean * (1 - 0.5 * std::pow(2.0 / 3, 3.0)));
  EXPECT_EQ(score("slow", "loud"), 0);
}

TEST_F(MeteorTest, OfATextWithItselfOnlyThePenaltyOfOneChunkIsMissing) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    const std::string text = test::random_text(random);
    const std::size_t tokens = tokenize_nltk(text).size();
    const double expected = tokens == 0 ? 0 : 1 - 0.5 * std::pow(1.0 / static_cast<double>(tokens), 3.0);
    EXPECT_NEAR(score(text, text), expected, 1e-14) << text;
  }
}

TEST_F(MeteorTest, TakesEmptyTextsEmojiAndInvalidBytes) {
  EXPECT_EQ(score("", "a song"), 0);
  EXPECT_EQ(score("a song", ""), 0);
  EXPECT_EQ(score("", ""), 0);
  EXPECT_EQ(score(" \n", " "), 0);
  EXPECT_GT(score("\U0001F3B5 song", "\U0001F3B5"), 0);
  EXPECT_DOUBLE_EQ(score("a \xFF b", "a \xFF b"), score("a \uFFFD b", "a \uFFFD b"));
}

TEST_F(MeteorTest, TakesTheBestReference) {
  const ClipCaptions clip{"", "a slow song", {"loud drums", "a slow song", "slow"}, ""};
  EXPECT_DOUBLE_EQ(meteor_->score(clip), score("a slow song", "a slow song"));
  EXPECT_THROW(meteor_->score({"", "a", {}, ""}), Error);
}

TEST_F(MeteorTest, AlignsAsThePlainListsDo) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> texts[2];
    for (std::vector<std::string>& text : texts) {
      for (std::size_t i = random() % 30; i > 0; --i)
        text.emplace_back(1, "abcdefgh"[random() % 8]);
    }
    const MeteorAlignment alignment = meteor_->align(texts[0], texts[1]);
    EXPECT_EQ(alignment.matches.size(), plain_matches(texts[0], texts[1]));
  }
}

TEST_F(MeteorTest, TakesLongTexts) {
  std::vector<std::string> words;
  for (int i = 0; i < 100000; ++i)
    words.push_back(i % 3 == 0 ? "drums" : "word" + std::to_string(i % 7000));
  const MeteorAlignment alignment = meteor_->align(words, words);
  EXPECT_EQ(alignment.matches.size(), words.size());
  EXPECT_EQ(alignment.chunks, 1);
}

TEST_F(MeteorTest, IsTheSameOnManyThreads) {
  std::mt19937 random(7);
  std::vector<ClipCaptions> clips;
  for (int i = 0; i < 200; ++i)
    clips.push_back(
        {"", test::random_text(random) + " fast songs", {test::random_text(random) + " quick tunes"}, ""});
  std::vector<double> alone, together(clips.size());
  for (const ClipCaptions& clip : clips)
    alone.push_back(meteor_->score(clip));
  const Meteor fresh(*wordnet_);
  const int before = num_threads();
  set_num_threads(4);
  parallel_for(std::ssize(clips), [&](std::int64_t i) {
    together[static_cast<std::size_t>(i)] = fresh.score(clips[static_cast<std::size_t>(i)]);
  });
  set_num_threads(before);
  EXPECT_EQ(alone, together);
}

TEST_F(MeteorTest, ChecksItsOptions) {
  EXPECT_THROW(Meteor(*wordnet_, {.alpha = 1.5, .abbreviations = {}}), Error);
  EXPECT_THROW(Meteor(*wordnet_, {.beta = -1, .abbreviations = {}}), Error);
  EXPECT_THROW(Meteor(*wordnet_, {.gamma = NAN, .abbreviations = {}}), Error);
  const Meteor without_penalty(*wordnet_, {.gamma = 0, .abbreviations = {}});
  EXPECT_DOUBLE_EQ(without_penalty.score({"", "a slow song", {"a slow song"}, ""}), 1);
}

}  // namespace
}  // namespace lpmc
