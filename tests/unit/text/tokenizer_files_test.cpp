// What BpeTokenizer says of vocabularies and merges that are damaged.

#include <fstream>
#include <functional>
#include <string>

#include "small_vocabulary.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/text/bpe_tokenizer.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

using testing::HasSubstr;

std::string good_vocabulary() {
  return test::vocabulary_json(test::small_merges());
}
std::string good_merges() {
  return test::merges_text(test::small_merges());
}

std::string error_of(const std::string& vocabulary, const std::string& merges) {
  try {
    BpeTokenizer::from_text(vocabulary, merges, "v.json", "m.txt");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    return error.what();
  }
  return "no error";
}

std::string error_of_vocabulary(const std::function<void(nlohmann::json&)>& damage) {
  nlohmann::json json = nlohmann::json::parse(good_vocabulary());
  damage(json);
  return error_of(json.dump(), good_merges());
}

TEST(TokenizerFiles, VocabularyIsOneObjectOfIds) {
  const std::string good = good_vocabulary();
  EXPECT_EQ(error_of(good, good_merges()), "no error");
  EXPECT_EQ(error_of("[]", ""), "v.json: expected an object of tokens to ids, found an array");
  EXPECT_EQ(error_of("7", ""), "v.json: expected an object of tokens to ids, found 7");
  EXPECT_THAT(error_of("", ""), HasSubstr("v.json: expected JSON, found an error at byte"));
  EXPECT_THAT(error_of(good.substr(0, good.size() / 2), ""), HasSubstr("expected JSON"));
  EXPECT_THAT(error_of(good + "x", ""), HasSubstr("expected JSON"));
  EXPECT_THAT(error_of("{\"\xff\": 0}", ""), HasSubstr("expected JSON"));
  EXPECT_THAT(error_of("\xEF\xBB\xBF" + good, ""), HasSubstr("byte order mark"));
  EXPECT_THAT(error_of(std::string(100000, '['), ""), HasSubstr("found an array"));
  for (const char* value :
       {"null", "true", "\"x\"", "-1", "1.5", "1e3", "{}", "[]", "2147483648", "99999999999999999999"}) {
    EXPECT_THAT(error_of(std::string("{\"a\": ") + value + "}", ""),
                HasSubstr("v.json: token \"a\": expected a whole number from 0, found"));
  }
}

TEST(TokenizerFiles, IdsAreUniqueAndWithoutHoles) {
  EXPECT_THAT(error_of_vocabulary([](auto& json) { json["the"] = 2000000000; }),
              HasSubstr("token \"the\": expected an id under 300 (one for each token), found 2000000000"));
  EXPECT_THAT(error_of_vocabulary([](auto& json) { json["the"] = 300; }),
              HasSubstr("expected an id under 300"));
  EXPECT_THAT(error_of_vocabulary([](auto& json) { json["he"] = 5; }),
              HasSubstr("expected an id of its own, found 5"));
  // A key that comes twice.
  std::string twice = good_vocabulary();
  twice.insert(twice.size() - 1, ",\"he\":299");
  EXPECT_EQ(error_of(twice, ""), "v.json: token \"he\": expected once, found twice");
}

TEST(TokenizerFiles, VocabularyHasBytesAndSpecialTokens) {
  const auto replace = [](const std::string& token) {
    return error_of_vocabulary([&](nlohmann::json& json) {
      json["new"] = json[token];
      json.erase(token);
    });
  };
  EXPECT_EQ(replace("Ġ"), "v.json: expected the token \"Ġ\" of byte 0x20, found none");
  EXPECT_EQ(replace("ÿ"), "v.json: expected the token \"ÿ\" of byte 0xFF, found none");
  EXPECT_EQ(replace("<mask>"), "v.json: expected the token \"<mask>\", found none");
  EXPECT_EQ(replace("<s>"), "v.json: expected the token \"<s>\", found none");
  EXPECT_THAT(error_of_vocabulary([](auto& json) { json["a b"] = 299; }),
              HasSubstr("token \"a b\" (id 299): expected characters that stand for bytes, found U+0020"));
  EXPECT_THAT(error_of_vocabulary([](auto& json) { json["\u65e5"] = 299; }), HasSubstr("found U+65E5"));
}

TEST(TokenizerFiles, MergesAreTwoTokensALine) {
  const std::string good = good_vocabulary();
  EXPECT_EQ(error_of(good, "#v\nh e\nh\n"), "m.txt: line 3: expected two tokens, found 1");
  EXPECT_EQ(error_of(good, "#v\nh e a\n"), "m.txt: line 2: expected two tokens, found 3");
  EXPECT_EQ(error_of(good, "#v\nh \u65e5\n"),
            "m.txt: line 2: expected tokens of the vocabulary, found \"\u65e5\"");
  EXPECT_EQ(error_of(good, "#v\nx y\n"), "m.txt: line 2: expected tokens of the vocabulary, found \"xy\"");
  EXPECT_EQ(error_of(good, "#v\nh e\na a\nh e\n"),
            "m.txt: line 4: expected each merge once, found \"h e\" again");
  EXPECT_EQ(error_of(good, "#v\nh \xff\n"), "m.txt: expected UTF-8, found other bytes");
}

std::vector<std::int32_t> ids_with(const std::string& merges, const std::string& text) {
  return BpeTokenizer::from_text(good_vocabulary(), merges).encode(text, false);
}

// The reference reads merges.txt as text.split("\n")[1:-1].
TEST(TokenizerFiles, MergesAreReadAsTheReferenceDoes) {
  const std::vector<std::int32_t> merged{261}, apart{108, 105};  // "he", "h" "e"
  EXPECT_EQ(ids_with("#version: 0.2\nh e\n", "he"), merged);
  EXPECT_EQ(ids_with("anything at all\nh e\n", "he"), merged);
  EXPECT_EQ(ids_with("\xEF\xBB\xBF#version: 0.2\nh e\n", "he"), merged);
  EXPECT_EQ(ids_with("#version: 0.2\r\nh e\r\n", "he"), merged);
  EXPECT_EQ(ids_with("#version: 0.2\rh e\r", "he"), merged);
  EXPECT_EQ(ids_with("#version: 0.2\n\n\nh\t  e \n", "he"), merged);
  EXPECT_EQ(ids_with("h e\n", "he"), apart);               // the first line is never a merge
  EXPECT_EQ(ids_with("#version: 0.2\nh e", "he"), apart);  // nor is one without a newline
  EXPECT_EQ(ids_with("", "he"), apart);
}

TEST(TokenizerFiles, FilesAreNamedInErrors) {
  const test::TemporaryFolder folder;
  try {
    BpeTokenizer::from_files(folder / "vocab.json", folder / "merges.txt");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr("vocab.json"));
  }
  std::ofstream(folder / "vocab.json") << good_vocabulary();
  std::ofstream(folder / "merges.txt") << "#version: 0.2\nbroken\n";
  try {
    BpeTokenizer::from_files(folder / "vocab.json", folder / "merges.txt");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.what(), HasSubstr("merges.txt: line 2: expected two tokens, found 1"));
  }
  std::ofstream(folder / "merges.txt") << good_merges();
  EXPECT_EQ(BpeTokenizer::from_files(folder / "vocab.json", folder / "merges.txt").vocab_size(), 299U);
}

}  // namespace
}  // namespace lpmc
