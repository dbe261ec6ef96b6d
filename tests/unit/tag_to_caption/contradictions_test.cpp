#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/tag_to_caption/validation.h"

namespace lpmc {
namespace {

using Tags = std::vector<std::string>;

Tags contradictions(const std::string& caption, const Tags& tags) {
  static const MusicVocabulary vocabulary;
  return validate_caption({caption, "", "stop", "writing", tags}, {}, vocabulary, {}).contradictions;
}

TEST(Contradictions, VoiceAndNone) {
  EXPECT_EQ(contradictions("A song with a female vocal.", {"instrumental", "piano"}),
            (Tags{"instrumental / female vocal"}));
  EXPECT_EQ(contradictions("An instrumental song with guitars.", {"male voice"}),
            (Tags{"male voice / instrumental"}));
  EXPECT_EQ(contradictions("A singer over guitars.", {"no voice"}), (Tags{"no voice / singer"}));
  EXPECT_EQ(contradictions("An instrumental piece with a male singer.", {"rock"}),
            (Tags{"male singer / instrumental"}));
}

TEST(Contradictions, VoiceThatIsNone) {
  for (const char* caption :
       {"An instrumental piece without vocals.", "A synth plays a voice-like pad.",
        "A sitar and a singing bowl.", "It could be used as a backing track for a singer.",
        "No male vocals are heard."}) {
    EXPECT_TRUE(contradictions(caption, {"instrumental"}).empty()) << caption;
  }
  for (const char* caption :
       {"A man sings over an instrumental break.", "A man raps over the instrumental.",
        "No backing vocals, only a man who sings.", "It starts instrumental, then a man sings."}) {
    EXPECT_TRUE(contradictions(caption, {"male singer"}).empty()) << caption;
  }
}

TEST(Contradictions, Tempo) {
  EXPECT_EQ(contradictions("It has a slow tempo.", {"fast tempo"}), (Tags{"fast tempo / slow"}));
  EXPECT_EQ(contradictions("The tempo is fast.", {"slow tempo"}).size(), 1U);
  EXPECT_TRUE(contradictions("It starts at a slow tempo.", {"fast tempo", "slow tempo"}).empty());
  EXPECT_TRUE(contradictions("A fast guitar run.", {"slow tempo"}).empty());
  EXPECT_TRUE(contradictions("The tempo is not slow.", {"fast tempo"}).empty());
  EXPECT_TRUE(contradictions("The tempo goes from slow to fast.", {"fast tempo"}).empty());
}

TEST(Contradictions, Gender) {
  EXPECT_EQ(contradictions("A woman sings.", {"male vocal"}).size(), 1U);
  EXPECT_EQ(contradictions("A song sung by a man.", {"female singer"}).size(), 1U);
  EXPECT_TRUE(contradictions("A man and a woman sing in a duet.", {"male vocal"}).empty());
  EXPECT_TRUE(contradictions("A vocalist sings.", {"male vocal"}).empty());
}

TEST(Contradictions, Opposites) {
  EXPECT_EQ(contradictions("A sad song.", {"happy"}).size(), 1U);
  EXPECT_TRUE(contradictions("A happy and sad song.", {"happy"}).empty());
  EXPECT_EQ(contradictions("A high quality recording.", {"low quality"}).size(), 1U);
  EXPECT_TRUE(contradictions("A high note.", {"low quality"}).empty());
  EXPECT_EQ(contradictions("Played on an electric guitar.", {"acoustic guitar"}).size(), 1U);
  EXPECT_TRUE(contradictions("An electric bass and an acoustic guitar.", {"acoustic guitar"}).empty());
  EXPECT_TRUE(contradictions("Electronic drums and a guitar.", {"acoustic guitar"}).empty());
}

TEST(Contradictions, NegatedAndAffirmed) {
  EXPECT_EQ(contradictions("Drums keep the beat.", {"no drums"}), (Tags{"no drums / drums"}));
  EXPECT_EQ(contradictions("There are no drums.", {"drums"}), (Tags{"drums / no drums"}));
  EXPECT_EQ(contradictions("A snare rolls.", {"no percussion"}), (Tags{"no percussion / snare"}));
  EXPECT_TRUE(contradictions("There are no drums.", {"no percussion"}).empty());
  EXPECT_TRUE(contradictions("A percussive bass line.", {"no percussion"}).empty());
  EXPECT_TRUE(contradictions("There are no other instruments.", {"no instruments"}).empty());
  EXPECT_TRUE(contradictions("A male voice and no female vocals.", {"male vocals"}).empty());
}

}  // namespace
}  // namespace lpmc
