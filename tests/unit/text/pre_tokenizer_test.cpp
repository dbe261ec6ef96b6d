#include "lpmc/text/pre_tokenizer.h"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lpmc {
namespace {

using testing::ElementsAre;

std::vector<std::string> words_of(std::string_view text) {
  static const PreTokenizer pre_tokenizer;
  std::vector<std::string_view> words;
  pre_tokenizer.split(text, words);
  return {words.begin(), words.end()};
}

TEST(PreTokenizer, CutsLettersNumbersAndTheRest) {
  EXPECT_THAT(words_of("Hello world2 at 120BPM!?"),
              ElementsAre("Hello", " world", "2", " at", " 120", "BPM", "!?"));
  EXPECT_THAT(words_of("it's we'll I'd 'Tis don't"),
              ElementsAre("it", "'s", " we", "'ll", " I", "'d", " '", "Tis", " don", "'t"));
  EXPECT_THAT(words_of(""), ElementsAre());
}

TEST(PreTokenizer, GivesTheLastSpaceToTheNextWord) {
  EXPECT_THAT(words_of("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(words_of("a \t b"), ElementsAre("a", " \t", " b"));
  EXPECT_THAT(words_of("a \tb"), ElementsAre("a", " ", "\t", "b"));
  EXPECT_THAT(words_of("a  "), ElementsAre("a", "  "));
}

// Facts of Python's `regex` module, tried there for every character.
TEST(PreTokenizer, KnowsPythonsWhiteSpace) {
  for (const std::string space : {"\x0b", "\x0c", "\u0085", "\u00a0", "\u1680", "\u2000", "\u200a", "\u2028",
                                  "\u2029", "\u202f", "\u205f", "\u3000"}) {
    EXPECT_THAT(words_of("a" + space + "!"), ElementsAre("a", space, "!"));
  }
  for (const std::string other : {"\x1c", "\x1f", "\u180e", "\u200b", "\u2060", "\ufeff"}) {
    EXPECT_THAT(words_of("a" + other + "!"), ElementsAre("a", other + "!"));
  }
}

TEST(PreTokenizer, KnowsLettersAndNumbersOfUnicode) {
  EXPECT_THAT(words_of("né日本ªаб"), ElementsAre("né日本ªаб"));
  EXPECT_THAT(words_of("x½²٣Ⅷ"), ElementsAre("x", "½²٣Ⅷ"));
  EXPECT_THAT(words_of("e\u0301"), ElementsAre("e", "\u0301"));  // a combining accent is no letter
}

TEST(PreTokenizer, KnowsCharactersNewerThanTheLibrary) {
  // Cyrillic of Unicode 15.0, Kawi digits of 15.0, Todhri of 16.0, Sidetic of 17.0.
  EXPECT_THAT(words_of("a\U0001E030b"), ElementsAre("a\U0001E030b"));
  EXPECT_THAT(words_of("1\U00011F50"), ElementsAre("1\U00011F50"));
  EXPECT_THAT(words_of("a\U000105C0\U00010940"), ElementsAre("a\U000105C0\U00010940"));
  EXPECT_THAT(words_of("a\u0378!"), ElementsAre("a", "\u0378!"));  // assigned to nothing
}

TEST(PreTokenizer, TakesLongRuns) {
  const std::string letters(300000, 'a'), spaces(300000, ' ');
  EXPECT_THAT(words_of(letters + spaces + "b"), ElementsAre(letters, spaces.substr(1), " b"));
}

TEST(PreTokenizer, IsUsedByManyThreads) {
  const PreTokenizer pre_tokenizer;
  std::vector<std::size_t> counts(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    threads.emplace_back([&, i] {
      std::vector<std::string_view> words;
      for (int repeat = 0; repeat < 200; ++repeat)
        pre_tokenizer.split("it's a song in 4/4, isn't it?", words);
      counts[i] = words.size();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_THAT(counts, testing::Each(200U * 13U));
}

}  // namespace
}  // namespace lpmc
