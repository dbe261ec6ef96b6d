#include "lpmc/evaluation/porter_stemmer.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

TEST(PorterStemmer, FollowsEachStep) {
  const std::map<std::string, std::string> stems{{"classes", "class"},      {"bass", "bass"},
                                                 {"cries", "cri"},          {"pies", "pie"},
                                                 {"tried", "tri"},          {"died", "die"},
                                                 {"agreed", "agre"},        {"seed", "seed"},
                                                 {"plastered", "plaster"},  {"bled", "bled"},
                                                 {"strumming", "strum"},    {"string", "string"},
                                                 {"filing", "file"},        {"tapping", "tap"},
                                                 {"hissing", "hiss"},       {"buzzing", "buzz"},
                                                 {"rolling", "roll"},       {"troubled", "troubl"},
                                                 {"sized", "size"},         {"conflated", "conflat"},
                                                 {"happily", "happili"},    {"sky", "sky"},
                                                 {"melody", "melodi"},      {"play", "play"},
                                                 {"traditional", "tradit"}, {"digitizer", "digit"},
                                                 {"vocalization", "vocal"}, {"radically", "radic"},
                                                 {"playfulness", "play"},   {"technology", "technolog"},
                                                 {"apology", "apolog"},     {"hopefully", "hope"},
                                                 {"rational", "ration"},    {"adjustable", "adjust"},
                                                 {"replacement", "replac"}, {"adoption", "adopt"},
                                                 {"onion", "onion"},        {"rate", "rate"},
                                                 {"cease", "ceas"},         {"controll", "control"},
                                                 {"roll", "roll"}};
  for (const auto& [word, stem] : stems)
    EXPECT_EQ(porter_stem(word), stem) << word;
}

TEST(PorterStemmer, KnowsIrregularWordsAndLeavesShortOnes) {
  EXPECT_EQ(porter_stem("skies"), "sky");
  EXPECT_EQ(porter_stem("lying"), "lie");
  EXPECT_EQ(porter_stem("outings"), "outing");
  EXPECT_EQ(porter_stem("succeed"), "succeed");
  EXPECT_EQ(porter_stem("as"), "as");
  EXPECT_EQ(porter_stem("s"), "s");
  EXPECT_EQ(porter_stem(""), "");
}

TEST(PorterStemmer, CountsCharactersNotBytes) {
  EXPECT_EQ(porter_stem("\u00E9s"), "\u00E9s");   // two characters
  EXPECT_EQ(porter_stem("\u00E9es"), "\u00E9e");  // nothing of it measures
  EXPECT_EQ(porter_stem("caf\u00E9s"), "caf\u00E9");
  EXPECT_EQ(porter_stem("\xFFs"), "\uFFFDs");
}

TEST(PorterStemmer, NeverMakesAWordLonger) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string word = test::random_text(random);
    EXPECT_LE(porter_stem(word).size(), word.size() + 1);  // "e" may come where "ed" went: one letter less
  }
  EXPECT_EQ(porter_stem(std::string(100000, 'y')).size(), 100000U);
}

}  // namespace
}  // namespace lpmc
