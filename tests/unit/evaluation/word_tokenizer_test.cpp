#include "lpmc/evaluation/word_tokenizer.h"

#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/utf8.h"

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NltkTokenizer, CutsOffOnlyTheLastPeriodOfASentence) {
  EXPECT_THAT(tokenize_nltk("Slow at 92.5 bpm. It ends."),
              ElementsAre("Slow", "at", "92.5", "bpm", ".", "It", "ends", "."));
  EXPECT_THAT(tokenize_nltk("(It ends.)"), ElementsAre("(", "It", "ends", ".", ")"));
  EXPECT_THAT(tokenize_nltk("It fades..."), ElementsAre("It", "fades", "..."));
}

TEST(NltkTokenizer, SeparatesClitics) {
  EXPECT_THAT(
      tokenize_nltk("It's the singer's, we'll say they DON'T."),
      ElementsAre("It", "'s", "the", "singer", "'s", ",", "we", "'ll", "say", "they", "DO", "N'T", "."));
  EXPECT_THAT(tokenize_nltk("the drummers' rolls"), ElementsAre("the", "drummers", "'", "rolls"));
  EXPECT_THAT(tokenize_nltk("plan 'x' now"), ElementsAre("plan", "'", "x", "'", "now"));
}

TEST(NltkTokenizer, SeparatesContractions) {
  EXPECT_THAT(tokenize_nltk("I cannot, Gonna or wanna go"),
              ElementsAre("I", "can", "not", ",", "Gon", "na", "or", "wan", "na", "go"));
  EXPECT_THAT(tokenize_nltk("lemme gimme gotta d'ye"),
              ElementsAre("lem", "me", "gim", "me", "got", "ta", "d", "'ye"));
  EXPECT_THAT(tokenize_nltk("so 'tis and 'Twas"), ElementsAre("so", "'t", "is", "and", "'T", "was"));
  EXPECT_THAT(tokenize_nltk("Wanna?"), ElementsAre("Wan", "na", "?"));
  EXPECT_THAT(tokenize_nltk("scannot cannots"), ElementsAre("scannot", "cannots"));
}

TEST(NltkTokenizer, TurnsQuotes) {
  EXPECT_THAT(tokenize_nltk("\"Loud\" and (\"soft\")"),
              ElementsAre("``", "Loud", "''", "and", "(", "``", "soft", "''", ")"));
  EXPECT_THAT(tokenize_nltk("a ''b'' `c` \u201Cd\u201D"),
              ElementsAre("a", "``", "b", "''", "`", "c", "`", "\u201C", "d", "\u201D"));
}

TEST(NltkTokenizer, SeparatesPunctuation) {
  EXPECT_THAT(tokenize_nltk("1,000: a,b; #1 50% (x)--[y] *z* <w> A&B"),
              ElementsAre("1,000", ":", "a", ",", "b", ";", "#", "1", "50", "%", "(", "x", ")", "--", "[",
                          "y", "]", "*", "z", "*", "<", "w", ">", "A", "&", "B"));
  EXPECT_THAT(tokenize_nltk("yes, no,"), ElementsAre("yes", ",", "no", ","));
  EXPECT_THAT(tokenize_nltk("3,\u0663"), ElementsAre("3,\u0663"));  // an Arabic digit is one, too
}

TEST(NltkTokenizer, TakesAnything) {
  EXPECT_THAT(tokenize_nltk(""), IsEmpty());
  EXPECT_THAT(tokenize_nltk(" \n\t"), IsEmpty());
  EXPECT_THAT(tokenize_nltk("."), ElementsAre("."));
  EXPECT_THAT(tokenize_nltk("\U0001F3B5!"), ElementsAre("\U0001F3B5", "!"));
  EXPECT_THAT(tokenize_nltk("a\xC3."), ElementsAre("a\uFFFD", "."));
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    for (const std::string& token : tokenize_nltk(test::random_text(random))) {
      EXPECT_TRUE(is_valid_utf8(token));
      EXPECT_FALSE(token.empty());
    }
  }
}

TEST(NltkTokenizer, TakesLongTexts) {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += i % 10 == 9 ? "beat. " : "don't ";
  EXPECT_EQ(tokenize_nltk(text).size(), 200000U);
  EXPECT_EQ(tokenize_nltk(std::string(100000, '!')).size(), 100000U);
}

TEST(LightTokenizer, DropsPunctuationAndCase) {
  EXPECT_THAT(tokenize_light("A \"slow\" song -- it's, well... (Sad)!"),
              ElementsAre("a", "slow", "song", "it", "'s", "well", "sad"));
  EXPECT_THAT(tokenize_light("50% #1 .."), ElementsAre("50", "%", "#", "1", ".."));
}

}  // namespace
}  // namespace lpmc
