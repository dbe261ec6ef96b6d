#include "lpmc/tag_to_caption/music_vocabulary.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

using Phrases = std::vector<std::string>;

TEST(MusicVocabulary, LongestMatchesInOrderOnce) {
  const Phrases tags = {"rock", "hard rock", "Electric Guitar", "guitar", "sad"};
  const MusicVocabulary vocabulary(tags);
  EXPECT_EQ(vocabulary.find("Sad hard rock: electric guitars, one guitar, and a guitar. Sad rock!"),
            (Phrases{"sad", "hard rock", "electric guitar", "guitar", "rock"}));
  EXPECT_TRUE(vocabulary.find("").empty());
  EXPECT_TRUE(vocabulary.find("A rocket.").empty());
}

TEST(MusicVocabulary, PhrasesDoNotCrossSentences) {
  const Phrases tags = {"hard rock"};
  EXPECT_TRUE(MusicVocabulary(tags).find("It is hard. Rock is harder.").empty());
}

TEST(MusicVocabulary, EverydayWordsAndNegationsNameNothing) {
  const Phrases tags = {"light", "water", "no drums", "the", "", "old school", "sad", "SAD"};
  const MusicVocabulary vocabulary(tags);
  EXPECT_EQ(vocabulary.size(), 2U);
  EXPECT_EQ(vocabulary.find("Light on old water, no drums, old school, sad."),
            (Phrases{"old school", "sad"}));
}

TEST(MusicVocabulary, CommonTermsAreAllTaken) {
  const std::string_view terms = common_music_terms();
  std::size_t lines = 1;
  for (const char c : terms)
    lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(MusicVocabulary().size(), lines);
}

TEST(MusicVocabulary, LemmasAndStems) {
  EXPECT_EQ(plain_lemma("melodies"), "melody");
  EXPECT_EQ(plain_lemma("women"), "woman");
  EXPECT_EQ(plain_lemma("bass"), "bass");
  EXPECT_EQ(plain_lemma("80s"), "80s");
  EXPECT_EQ(plain_stem("melodic"), plain_stem("melody"));
  EXPECT_EQ(plain_stem("singing"), plain_stem("singer"));
  EXPECT_EQ(plain_stem("percussive"), plain_stem("percussion"));
  EXPECT_NE(plain_stem("instrumental"), plain_stem("instrument"));
  EXPECT_NE(plain_stem("electronic"), plain_stem("electric"));
  EXPECT_NE(plain_stem("organic"), plain_stem("organ"));
  EXPECT_NE(plain_stem("lively"), plain_stem("live"));
  EXPECT_EQ(plain_stem("string"), "string");
}

}  // namespace
}  // namespace lpmc
