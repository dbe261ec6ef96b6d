#include "lpmc/tag_to_caption/validation.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

using Tags = std::vector<std::string>;

const MusicVocabulary& common() {
  static const MusicVocabulary vocabulary;
  return vocabulary;
}

ValidationReport check(const std::string& caption, const Tags& tags, const ValidationOptions& options = {},
                       const WordKnowledge& words = {}) {
  return validate_caption({caption, "", "stop", "writing", tags}, options, common(), words);
}

bool has_flaw(const ValidationReport& report, Flaw flaw) {
  return std::find(report.flaws.begin(), report.flaws.end(), flaw) != report.flaws.end();
}

/// Whether a caption with other words around it is taken to express the tag.
bool covers(const std::string& caption, const std::string& tag) {
  return check("This is what we hear. " + caption, {tag}).missing.empty();
}

TEST(Coverage, CountsTheTagsThatAreExpressed) {
  const ValidationReport report =
      check("An amateur recording of a male voice and finger snipping.",
            {"beatbox", "finger snipping", "male voice", "amateur recording", "medium tempo"});
  EXPECT_DOUBLE_EQ(report.coverage, 0.6);
  EXPECT_EQ(report.missing, (Tags{"beatbox", "medium tempo"}));
}

TEST(Coverage, TakesOtherFormsOfAWord) {
  EXPECT_TRUE(covers("Guitars play a melody.", "melodic guitar"));
  EXPECT_TRUE(covers("The drummer is jazzy.", "jazz drums"));
  EXPECT_TRUE(covers("A happily played tune.", "happy"));
  EXPECT_TRUE(covers("It is full of emotion.", "emotional"));
  EXPECT_TRUE(covers("Hip-hop from the street.", "hip hop"));
  EXPECT_TRUE(covers("A synth-pop hymn.", "synthpop"));
  EXPECT_TRUE(covers("A handclap rhythm.", "hand claps"));
  EXPECT_TRUE(covers("An accordion plays.", "acordion"));
  EXPECT_TRUE(covers("An electric guitar plays.", "e-guitar"));
  EXPECT_TRUE(covers("Caf\xC3\xA9 music.", "cafe"));
}

TEST(Coverage, TakesMusicalEquivalents) {
  EXPECT_TRUE(covers("A woman sings.", "female vocal"));
  EXPECT_TRUE(covers("She sings of love.", "female singer"));
  EXPECT_TRUE(covers("A soprano is heard.", "female voice"));
  EXPECT_TRUE(covers("An upbeat song.", "fast tempo"));
  EXPECT_TRUE(covers("A fast-paced song.", "fast tempo"));
  EXPECT_TRUE(covers("The pace is moderate.", "medium tempo"));
  EXPECT_TRUE(covers("The audio quality is poor.", "low quality"));
  EXPECT_TRUE(covers("A violin plays.", "strings"));
  EXPECT_TRUE(covers("Trumpets blare.", "brass section"));
  EXPECT_TRUE(covers("A rhythm and blues... an R&B song.", "rnb"));
}

TEST(Coverage, GeneralDoesNotExpressSpecial) {
  EXPECT_FALSE(covers("The strings play.", "violin"));
  EXPECT_FALSE(covers("Somebody sings.", "female vocal"));
  EXPECT_FALSE(covers("A soprano is heard.", "male vocal"));
  EXPECT_FALSE(covers("A guitar plays.", "electric guitar"));
  EXPECT_FALSE(covers("Many instruments play.", "instrumental"));
  EXPECT_FALSE(covers("A lively piece.", "live performance"));
  EXPECT_FALSE(covers("A strong voice.", "string"));
}

TEST(Coverage, ReadsNegations) {
  EXPECT_TRUE(covers("It is instrumental.", "no voice"));
  EXPECT_TRUE(covers("There are no vocals.", "instrumental"));
  EXPECT_TRUE(covers("The song goes without any singing.", "no vocals"));
  EXPECT_TRUE(covers("Vocals are absent.", "no vocals"));
  EXPECT_TRUE(covers("It lacks percussion.", "no percussion"));
  EXPECT_TRUE(covers("A piece without drums, bass, or vocals.", "no bass"));
  EXPECT_TRUE(covers("A solo piano.", "no other instruments"));
  EXPECT_FALSE(covers("There are no drums.", "drums"));
  EXPECT_FALSE(covers("The drums are not present.", "drums"));
  EXPECT_FALSE(covers("The drums are loud.", "no drums"));
  EXPECT_TRUE(covers("No vocals but drums.", "drums"));
  EXPECT_TRUE(covers("There is no singer and the guitar plays.", "guitar"));
  EXPECT_TRUE(covers("It is not only fast.", "fast"));
}

TEST(Coverage, WordsOfATagMustStandTogether) {
  EXPECT_TRUE(covers("A male singer with a deep, breathy, emotional voice.", "emotional male voice"));
  EXPECT_FALSE(
      covers("An acoustic piece. It has been recorded in a large hall. Many people play drums and a guitar.",
             "acoustic guitar"));
}

TEST(Coverage, BeatsPerMinute) {
  EXPECT_TRUE(covers("It runs at 120 bpm.", "bpm 120"));
  EXPECT_TRUE(covers("It runs at 120bpm.", "120 bpm"));
  EXPECT_TRUE(covers("An upbeat song.", "bpm 128"));
  EXPECT_TRUE(covers("A slow song.", "bpm 66"));
  EXPECT_FALSE(covers("A slow song.", "bpm 140"));
  EXPECT_FALSE(covers("It runs at 90 bpm.", "bpm 140"));
}

TEST(Coverage, AsksWordKnowledge) {
  WordKnowledge words;
  words.lemmas = [](std::string_view word) {
    return std::vector<std::string>{word == "drifty" ? std::string("float") : std::string(word)};
  };
  words.are_synonyms = [](std::string_view a, std::string_view b) {
    return (a == "blithe" && b == "insouciant") || (b == "blithe" && a == "insouciant");
  };
  EXPECT_EQ(check("A blithe, drifty piece.", {"insouciant", "float", "stern"}).missing,
            (Tags{"insouciant", "float", "stern"}));
  EXPECT_EQ(check("A blithe, drifty piece.", {"insouciant", "float", "stern"}, {}, words).missing,
            (Tags{"stern"}));
}

TEST(Coverage, FlawUnderTheLeastShare) {
  EXPECT_TRUE(has_flaw(check("A rock song here.", {"rock", "piano", "sad"}), Flaw::missing_tags));
  EXPECT_FALSE(has_flaw(check("A rock song here.", {"rock", "piano"}), Flaw::missing_tags));
  EXPECT_TRUE(
      has_flaw(check("A rock song here.", {"rock", "piano"}, {.min_coverage = 0.6}), Flaw::missing_tags));
  EXPECT_DOUBLE_EQ(check("A rock song here.", {}).coverage, 1);
}

TEST(Added, AttributesThatTagsDoNotEntail) {
  EXPECT_EQ(check("A sad piano and a violin.", {"piano"}).added, (Tags{"sad", "violin"}));
  EXPECT_EQ(check("An electric guitar plays.", {"guitar"}).added, (Tags{"electric guitar"}));
  EXPECT_TRUE(check("The strings play.", {"violin"}).added.empty());
  EXPECT_TRUE(check("A woman, the vocalist, sings; a female voice.", {"female singer"}).added.empty());
  EXPECT_TRUE(check("An upbeat song.", {"fast tempo"}).added.empty());
  EXPECT_TRUE(check("An instrumental song without vocals.", {"no singer"}).added.empty());
  EXPECT_TRUE(check("It has no drums.", {"no percussion"}).added.empty());
  EXPECT_EQ(check("It has no drums.", {"piano"}).added, (Tags{"no drum"}));
  EXPECT_TRUE(check("It could be used in a soundtrack with violins.", {"piano"}).added.empty());
}

TEST(Added, IsAFlawOnlyWhereTheTaskAllowsNone) {
  EXPECT_FALSE(has_flaw(check("A sad piano piece.", {"piano"}), Flaw::added_attributes));
  EXPECT_TRUE(
      has_flaw(check("A sad piano piece.", {"piano"}, {.allow_added = false}), Flaw::added_attributes));
  EXPECT_FALSE(has_flaw(check("A sad piano piece.", {"piano"}, {.max_added = 1, .allow_added = false}),
                        Flaw::added_attributes));
}

TEST(Validation, OptionsOutOfRangeAreNamed) {
  EXPECT_NO_THROW(validate(ValidationOptions{}));
  EXPECT_THROW(validate(ValidationOptions{.min_coverage = 1.5}), Error);
  EXPECT_THROW(validate(ValidationOptions{.max_added = -1}), Error);
  EXPECT_THROW(validate(ValidationOptions{.min_words = 9, .max_words = 8}), Error);
  EXPECT_THROW(validate(ValidationOptions{.near_duplicate = -0.1}), Error);
}

TEST(Validation, ReportAsJson) {
  const ValidationReport report = check("A sad rock song with \xFF.", {"rock",
                                                                       "pi\xFF"
                                                                       "ano"});
  const auto json = nlohmann::json::parse(report.to_json());
  EXPECT_DOUBLE_EQ(json.at("coverage").get<double>(), 0.5);
  EXPECT_EQ(json.at("added"), nlohmann::json({"sad"}));
  EXPECT_EQ(json.at("missing").size(), 1U);
  EXPECT_TRUE(json.at("flaws").empty());
  EXPECT_TRUE(json.at("contradictions").empty());
}

TEST(Validation, EveryFlawHasItsOwnName) {
  std::vector<std::string_view> names;
  for (auto flaw = Flaw::missing_tags; flaw <= Flaw::cut_off;
       flaw = static_cast<Flaw>(static_cast<unsigned>(flaw) + 1))
    names.push_back(to_string(flaw));
  EXPECT_EQ(names.size(), 13U);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

TEST(Validation, RepairSaysWhatWasWrongAndAsksAgain) {
  const ValidationReport report = check("A song with drums and", {"no drums", "sad", "piano"});
  const std::string query = repair_query("QUERY \n no drums, sad, piano", "A song with drums and", report);
  EXPECT_TRUE(query.starts_with("QUERY \n no drums, sad, piano"));
  EXPECT_NE(query.find("does not express: no drums, sad, piano"), std::string::npos);
  EXPECT_NE(query.find("no drums / drums"), std::string::npos);
  EXPECT_NE(query.find("breaks off"), std::string::npos);
  EXPECT_LT(repair_query("Q", std::string(100000, 'x'), report).size(), 3000U);
}

TEST(Validation, RepairIsUtf8WhateverItIsOf) {
  ValidationReport report = check("Rock.", {"pi\xD4"
                                            "ano"});
  EXPECT_TRUE(is_valid_utf8(repair_query("Q", std::string(1999, 'x') + "\xC3\xA9", report)));
}

TEST(Validation, LongTextsTakeBoundedWork) {
  std::string caption;
  while (caption.size() < 2'000'000)
    caption += "no guitar, or ";
  const Tags tags(300, std::string(10'000, 'x') + " guitar");
  const ValidationReport report = check(caption, tags);
  EXPECT_TRUE(has_flaw(report, Flaw::too_long));
  EXPECT_FALSE(report.missing.empty());
}

}  // namespace
}  // namespace lpmc
