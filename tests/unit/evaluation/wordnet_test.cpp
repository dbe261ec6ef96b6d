#include "lpmc/evaluation/wordnet.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"
#include "tests/unit/evaluation/tiny_wordnet.h"

namespace lpmc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

test::TinyWordNet music() {
  test::TinyWordNet words;
  words.synset("noun", {"song", "tune", "piece_of_music"})
      .synset("noun", {"Song", "Sung"})
      .synset("noun", {"church"})
      .synset("noun", {"man"})
      .synset("noun", {"mouse"})
      .synset("verb", {"sing", "vocalise"})
      .synset("verb", {"dance"})
      .synset("adj", {"quick", "fast(a)", "prompt(ip)", "ready(p)"})
      .synset("adv", {"fast", "tight"})
      .exception("noun", "mice mouse")
      .exception("noun", "oxen ox")
      .exception("verb", "sang sing");
  return words;
}

std::string message_of(const std::filesystem::path& folder, const std::string& word) {
  try {
    (void)WordNet(folder).synonyms(word);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    return error.what();
  }
  return "no error";
}

TEST(WordNet, GivesSingleWordMembersOfEverySetWithTheirCase) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  const WordNet words(folder.path());
  EXPECT_THAT(words.synonyms("song"), ElementsAre("Song", "Sung", "song", "tune"));
  EXPECT_THAT(words.synonyms("songs"), ElementsAre("Song", "Sung", "song", "songs", "tune"));
  EXPECT_THAT(words.synonyms("fast"), ElementsAre("fast", "prompt", "quick", "ready", "tight"));
  EXPECT_THAT(words.synonyms("zzz"), ElementsAre("zzz"));
  EXPECT_THAT(words.synonyms(""), ElementsAre(""));
}

TEST(WordNet, FindsBaseFormsByRulesAndExceptions) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  const WordNet words(folder.path());
  EXPECT_THAT(words.base_forms("churches", PartOfSpeech::noun), ElementsAre("church"));
  EXPECT_THAT(words.base_forms("men", PartOfSpeech::noun), ElementsAre("man"));
  EXPECT_THAT(words.base_forms("mice", PartOfSpeech::noun), ElementsAre("mouse"));
  EXPECT_THAT(words.base_forms("oxen", PartOfSpeech::noun), IsEmpty());  // listed, but not in the index
  EXPECT_THAT(words.base_forms("dancing", PartOfSpeech::verb), ElementsAre("dance"));
  EXPECT_THAT(words.base_forms("sang", PartOfSpeech::verb), ElementsAre("sing"));
  EXPECT_THAT(words.base_forms("sang", PartOfSpeech::noun), IsEmpty());
  EXPECT_THAT(words.base_forms("quickest", PartOfSpeech::adjective), ElementsAre("quick"));
  EXPECT_THAT(words.base_forms("fasts", PartOfSpeech::adverb), IsEmpty());  // adverbs have no rules
  // No form after one rule is listed, so the rules are applied again.
  EXPECT_THAT(words.base_forms("dancings", PartOfSpeech::verb), ElementsAre("dance"));
  EXPECT_THAT(words.base_forms("songss", PartOfSpeech::noun), ElementsAre("song"));
}

TEST(WordNet, TakesWordsOfAnyLength) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  const WordNet words(folder.path());
  EXPECT_THAT(words.base_forms("song" + std::string(200000, 's'), PartOfSpeech::noun), ElementsAre("song"));
  std::string word = "dance";
  for (int i = 0; i < 5000; ++i)
    word += i % 2 == 0 ? "ed" : "es";
  EXPECT_THAT(words.base_forms(word, PartOfSpeech::verb), ElementsAre("dance"));
}

TEST(WordNet, NotesAnotherVersion) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  EXPECT_EQ(WordNet(folder.path()).version(), "3.0");
  EXPECT_FALSE(WordNet(folder.path()).note());
  test::TinyWordNet("3.1").write(folder.path());
  const WordNet other(folder.path());
  EXPECT_EQ(other.version(), "3.1");
  EXPECT_THAT(other.note().value_or(""), HasSubstr("version 3.1"));
}

TEST(WordNet, AcceptsTheFolderAboveDict) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "dict");
  music().write(folder / "dict");
  EXPECT_EQ(WordNet(folder.path()).folder(), folder / "dict");
}

TEST(WordNet, SaysWhichFileIsMissing) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  std::filesystem::remove(folder / "data.adj");
  try {
    const WordNet words(folder.path());
    FAIL() << "opened without data.adj";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr("data.adj"));
  }
}

TEST(WordNet, NamesFileAndLineOfDamage) {
  const test::TemporaryFolder folder;
  const auto rewrite = [&](const std::string& name, const std::string& from, const std::string& to) {
    music().write(folder.path());
    std::string text = test::read_file(folder / name);
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    std::ofstream(folder / name, std::ios::binary) << text;
  };
  rewrite("index.noun", "church", "zhurch");  // out of order, so "man" after it cannot be found
  EXPECT_THAT(message_of(folder.path(), "man"), HasSubstr("index.noun:5"));
  rewrite("index.noun", "song n 2", "song n x");
  EXPECT_THAT(message_of(folder.path(), "song"), HasSubstr("index.noun:8"));
  rewrite("index.noun", "song n 2", "song n 9");
  EXPECT_THAT(message_of(folder.path(), "song"), HasSubstr("expected 9 offsets"));
  rewrite("data.noun", "n 03 song", "n ff song");
  EXPECT_THAT(message_of(folder.path(), "tune"), HasSubstr("data.noun:4"));
  rewrite("data.noun", "n 03 song", "n zz song");
  EXPECT_THAT(message_of(folder.path(), "tune"), HasSubstr("data.noun:4"));
  rewrite("data.noun", "03 n", "03 nn");  // every later set is one byte on
  EXPECT_THAT(message_of(folder.path(), "tune"), HasSubstr("data.noun"));
  std::ofstream(folder / "index.adv", std::ios::binary) << "";
  EXPECT_THAT(message_of(folder.path(), "tune"), HasSubstr("index.adv"));
}

TEST(WordNet, IsFoundByItsEnvironmentVariable) {
  const test::TemporaryFolder folder;
  music().write(folder.path());
  const char* const before = std::getenv("WNSEARCHDIR");
  const std::string saved = before == nullptr ? "" : before;
  setenv("WNSEARCHDIR", folder.path().c_str(), 1);
  EXPECT_EQ(WordNet::find(), folder.path());
  if (before == nullptr) {
    unsetenv("WNSEARCHDIR");
  } else {
    setenv("WNSEARCHDIR", saved.c_str(), 1);
  }
}

}  // namespace
}  // namespace lpmc
