#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/tag_to_caption/prompts.h"
#include "lpmc/tag_to_caption/validation.h"

namespace lpmc {
namespace {

using Tags = std::vector<std::string>;

std::vector<Flaw> flaws(const std::string& caption, const std::string& finish_reason = "stop",
                        const std::string& prompt_id = "writing", const Tags& tags = {}) {
  static const MusicVocabulary vocabulary;
  const Tags asked = tags.empty() ? Tags{"rock"} : tags;
  const std::string query = make_query(published_prompts()[0], asked);
  return validate_caption({caption, query, finish_reason, prompt_id, asked}, {.min_coverage = 0}, vocabulary,
                          {})
      .flaws;
}

bool has(const std::vector<Flaw>& flaws, Flaw flaw) {
  return std::find(flaws.begin(), flaws.end(), flaw) != flaws.end();
}

TEST(ValidationText, AGoodCaptionHasNoFlaw) {
  EXPECT_TRUE(flaws("This is an energetic rock song with a driving beat and a male singer.").empty());
  EXPECT_TRUE(flaws("The music is characterized by rock, pop, sad").empty());
  EXPECT_TRUE(flaws("rock, male vocal, amateur recording").empty());
}

TEST(ValidationText, Refusals) {
  EXPECT_TRUE(has(flaws("I'm sorry, but I cannot write a caption for that."), Flaw::refusal));
  EXPECT_TRUE(has(flaws("As an AI language model, I do not hear music."), Flaw::refusal));
  EXPECT_TRUE(has(flaws("I can\xE2\x80\x99t help with this request."), Flaw::refusal));
  EXPECT_FALSE(has(flaws("The soundtrack has an air of suspense."), Flaw::refusal));
  EXPECT_FALSE(has(flaws("A singer repeats the words I'm sorry over a slow beat."), Flaw::refusal));
}

TEST(ValidationText, Boilerplate) {
  for (const char* caption :
       {"Here is a song description sentence: A rock song.", "Sure, a rock song with guitars.",
        "Title: Rocking", "**A rock song** with guitars.", "A rock song.\n\n- guitars\n- drums",
        "A rock song. Let me know if you like it.", "Caption: a rock song.", "<|assistant|> A rock song.",
        "{'description': 'a rock song'}"}) {
    EXPECT_TRUE(has(flaws(caption), Flaw::boilerplate)) << caption;
  }
  for (const char* caption :
       {"Here is a guitar that plays a sad melody.", "Surely the best rock song.",
        "A song in two parts: a slow one and a fast one.", "A rock-pop song - with drums."}) {
    EXPECT_FALSE(has(flaws(caption), Flaw::boilerplate)) << caption;
  }
}

TEST(ValidationText, PromptEcho) {
  EXPECT_TRUE(has(flaws("Write a song description sentence including rock."), Flaw::prompt_echo));
  EXPECT_FALSE(has(flaws("This song description is of rock."), Flaw::prompt_echo));
  // Tags are no instruction, however long.
  const Tags tags = {"a very long tag of some seven words", "rock"};
  EXPECT_FALSE(
      has(flaws("It is a very long tag of some seven words.", "stop", "writing", tags), Flaw::prompt_echo));
}

TEST(ValidationText, WrongLanguage) {
  EXPECT_TRUE(has(flaws("Una canci\xC3\xB3n de rock con guitarra el\xC3\xA9"
                        "ctrica y voz masculina que es muy alegre"),
                  Flaw::wrong_language));
  EXPECT_TRUE(
      has(flaws("Ein fr\xC3\xB6hliches Lied mit einer Gitarre und das ist alles."), Flaw::wrong_language));
  EXPECT_TRUE(
      has(flaws("\xE8\xBF\x99\xE6\x98\xAF\xE4\xB8\x80\xE9\xA6\x96\xE6\x91\x87\xE6\xBB\x9A\xE6\xAD\x8C"),
          Flaw::wrong_language));
  EXPECT_TRUE(
      has(flaws("\xD0\xAD\xD1\x82\xD0\xBE \xD1\x80\xD0\xBE\xD0\xBA \xD0\xBF\xD0\xB5\xD1\x81\xD0\xBD\xD1\x8F"),
          Flaw::wrong_language));
  EXPECT_FALSE(has(flaws("A Spanish song called la vida with guitar in the style of the coast."),
                   Flaw::wrong_language));
  EXPECT_FALSE(has(flaws("rock, pop, guitar, drums, sad, female vocal"), Flaw::wrong_language));
}

TEST(ValidationText, Length) {
  EXPECT_TRUE(has(flaws("Rock song."), Flaw::too_short));
  EXPECT_FALSE(has(flaws("A rock song."), Flaw::too_short));
  std::string longer;
  for (int i = 0; i < 60; ++i)
    longer += "loud guitars ";
  EXPECT_FALSE(has(flaws(longer), Flaw::too_long));
  EXPECT_TRUE(has(flaws(longer + "again."), Flaw::too_long));
}

TEST(ValidationText, Names) {
  for (const char* caption :
       {"A rock song by The Beatles.", "A song titled Yesterday with guitar.",
        "It sounds like Jimi Hendrix on guitar.", "The theme of \"Super Mario\" on a keyboard.",
        "A rock song from the album Thriller."}) {
    EXPECT_TRUE(has(flaws(caption, "stop", "summary"), Flaw::names)) << caption;
    EXPECT_FALSE(has(flaws(caption, "stop", "writing"), Flaw::names)) << caption;
  }
  for (const char* caption : {"A New Age song with Middle Eastern and Indian Classical parts.",
                              "An EDM track by DJs. It is fast.", "The tempo is slow. Guitars play.",
                              "A Retro Rock Song With Loud Guitars And Drums", "An R&B song in C minor."}) {
    EXPECT_FALSE(has(flaws(caption, "stop", "summary"), Flaw::names)) << caption;
  }
  // What the tags name may be named.
  EXPECT_FALSE(
      has(flaws("A song like Frank Zappa's.", "stop", "summary", {"frank zappa", "s"}), Flaw::names));
}

TEST(ValidationText, CutOff) {
  EXPECT_TRUE(has(flaws("A rock song with guitars.", "length"), Flaw::cut_off));
  EXPECT_TRUE(has(flaws("A rock song with guitars.", "content_filter"), Flaw::cut_off));
  EXPECT_TRUE(has(flaws("A rock song with a guitar and the"), Flaw::cut_off));
  EXPECT_TRUE(has(flaws("A rock song with a guitar,"), Flaw::cut_off));
  EXPECT_FALSE(has(flaws("A rock song with a guitar"), Flaw::cut_off));
  EXPECT_FALSE(has(flaws("A rock song that makes you want to dance along.", ""), Flaw::cut_off));
}

}  // namespace
}  // namespace lpmc
