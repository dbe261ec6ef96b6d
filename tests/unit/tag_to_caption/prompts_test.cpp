#include "lpmc/tag_to_caption/prompts.h"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;

Prompt from_text(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder / name, std::ios::binary) << text;
  return read_prompt_file(folder / name);
}

TEST(Prompts, FourTasksInThePapersOrder) {
  ASSERT_EQ(published_prompts().size(), 4U);
  EXPECT_EQ(published_prompts()[0].id, "writing");
  EXPECT_EQ(published_prompts()[1].id, "summary");
  EXPECT_EQ(published_prompts()[2].id, "paraphrase");
  EXPECT_EQ(published_prompts()[3].id, "attribute_prediction");
  EXPECT_TRUE(published_prompts()[3].expects_dictionary);
  EXPECT_FALSE(published_prompts()[0].expects_dictionary);
}

TEST(Prompts, TextsEqualThePublishedTable) {
  const auto path = test::shared_path("reference/PROMPTS.md");
  if (!path) GTEST_SKIP() << "the reference texts are not there";
  const std::string table = test::read_file(*path);
  for (const Prompt& prompt : published_prompts()) {
    const std::string row = "| " + prompt.id + " | `" + prompt.singular + "` | `" + prompt.plural + "` |\n";
    EXPECT_NE(table.find(row), std::string::npos) << prompt.id;
  }
}

// The hashes are those of `printf '%s\0%s' SINGULAR PLURAL | sha256sum`: a changed letter shows here.
TEST(Prompts, HashesAreThoseOfSha256sum) {
  EXPECT_EQ((Prompt{"x", "a", "b", false}.hash()),
            "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138");
  EXPECT_EQ(published_prompts()[0].hash(),
            "6337d7f360054e0e2dd6cdbd758396e1374315ccc1e6bd51e8807d2bb19ad2e0");
  EXPECT_EQ(published_prompts()[1].hash(),
            "3f39a953bc0a3cbc07c543422997f7cf6a914eaa026229ca1c2b314fd6a94913");
  EXPECT_EQ(published_prompts()[2].hash(),
            "c1bdc63e25410b58cedf385754e6a01aa4af62f6f643c704c60ce54f3157ac2f");
  EXPECT_EQ(published_prompts()[3].hash(),
            "39d4aeea442e8f0bca9b2e2f71c0d9b5cd465eee782b64964598760374e6bda2");
}

TEST(Prompts, QueryIsInstructionSpaceNewlineSpaceTags) {
  const std::vector<std::string> two = {"rock", "fast tempo"}, one = {"rock"};
  const Prompt& writing = published_prompts()[0];
  EXPECT_EQ(make_query(writing, two),
            "write a song description sentence including the following attributes. \n rock, fast tempo");
  EXPECT_EQ(make_query(writing, one),
            "write a song description sentence including the following single attribute. \n rock");
  EXPECT_THROW(make_query(writing, {}), Error);
}

TEST(Prompts, FindsOneOrAllAndNamesThemOtherwise) {
  EXPECT_EQ(find_prompts("summary").at(0).id, "summary");
  EXPECT_EQ(find_prompts("all").size(), 4U);
  try {
    find_prompts("poem");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("attribute_prediction"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("'poem'"), std::string::npos);
  }
}

TEST(Prompts, FileGivesItsTextAndStem) {
  const TemporaryFolder folder;
  const Prompt prompt = from_text(folder, "haiku.txt", "\xEF\xBB\xBFWrite a haiku\r\nof this music.\r\n\r\n");
  EXPECT_EQ(prompt.id, "haiku");
  EXPECT_EQ(prompt.singular, "Write a haiku\nof this music.");
  EXPECT_EQ(prompt.plural, prompt.singular);
  const std::vector<std::string> tags = {"rock", "{tags}"};
  EXPECT_EQ(make_query(prompt, tags), "Write a haiku\nof this music. \n rock, {tags}");
}

TEST(Prompts, MarkInAFileIsWhereTagsGo) {
  const TemporaryFolder folder;
  const Prompt prompt = from_text(folder, "mine.txt", "Tags: {tags}. Again: {tags}!");
  const std::vector<std::string> tags = {"{tags}", "pop"};
  EXPECT_EQ(make_query(prompt, tags), "Tags: {tags}, pop. Again: {tags}, pop!");
}

TEST(Prompts, RefusesFilesThatAreNoPrompt) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_prompt_file(folder / "absent.txt"), Error);
  EXPECT_THROW(from_text(folder, "empty.txt", " \n"), Error);
  EXPECT_THROW(from_text(folder, "latin.txt", "caf\xE9"), Error);
  EXPECT_THROW(from_text(folder, "nul.txt", std::string("a\0b", 3)), Error);
  EXPECT_THROW(from_text(folder, "large.txt", std::string(64 * 1024 + 1, 'a')), Error);
  EXPECT_EQ(from_text(folder, "limit.txt", std::string(64 * 1024, 'a')).singular.size(), 64U * 1024);
  // Captions of another text must not carry a published name.
  EXPECT_THROW(from_text(folder, "writing.txt", "Sing!"), Error);
  EXPECT_THROW(from_text(folder, "all.txt", "Sing!"), Error);
}

}  // namespace
}  // namespace lpmc
