// Ids of transformers 4.26.1's slow BartTokenizer, for the vocabulary of bart-base.

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/text/bpe_tokenizer.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

BpeTokenizer bart_tokenizer() {
  const auto folder = *test::fixtures() / "bart-base";
  return BpeTokenizer::from_files(folder / "vocab.json", folder / "merges.txt");
}

TEST(TokenizerGolden, EncodesTheExamples) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const BpeTokenizer tokenizer = bart_tokenizer();
  EXPECT_EQ(tokenizer.vocab_size(), 50265U);
  const auto golden =
      nlohmann::json::parse(test::read_file(*test::fixtures() / "bart-base/token_examples.json"));
  ASSERT_FALSE(golden.at("examples").empty());
  for (const auto& example : golden.at("examples")) {
    const auto text = example.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), example.at("ids").get<std::vector<std::int32_t>>()) << text;
  }
}

/// Characters of all planes, more of those that captions have.
std::string random_text(std::mt19937& random) {
  const auto utf8 = [](char32_t c) {
    std::string out;
    const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F)), put(0x80 | ((c >> 6) & 0x3F)),
          put(0x80 | (c & 0x3F));
    }
    return out;
  };
  std::string text;
  const std::size_t pieces = random() % 30;
  for (std::size_t i = 0; i < pieces; ++i) {
    const char32_t limits[] = {0x80, 0x250, 0x800, 0xD800, 0x10000, 0x110000};
    const char* words[] = {" the", "melody", "'s", " guitar", "  ", "ing", "120", " Bass", "\n", "..."};
    char32_t c = random() % limits[random() % std::size(limits)];
    if (c >= 0xD800 && c < 0xE000) c -= 0x1000;
    text += random() % 2 == 0 || c == '<' ? words[random() % std::size(words)] : utf8(c);
  }
  return text;
}

TEST(TokenizerGolden, DecodingUndoesEncoding) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const BpeTokenizer tokenizer = bart_tokenizer();
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random_text(random);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text), {.clean_up = false}), text);
  }
}

TEST(TokenizerGolden, DecodesTheTextsOfTheFirstModel) {
  const auto folder = test::shared_path("models/v0");
  if (!folder) GTEST_SKIP() << "no folder models/v0 beside LPMC_FIXTURES";
  const auto tokenizer = BpeTokenizer::from_files(*folder / "vocab.json", *folder / "merges.txt");
  const auto golden = nlohmann::json::parse(test::read_file(*folder / "golden.json"));
  ASSERT_FALSE(golden.at("clips").empty());
  for (const auto& clip : golden.at("clips")) {
    for (const std::string search : {"beam5", "greedy"}) {
      const auto ids = clip.at(search + "_ids").get<std::vector<std::int32_t>>();
      EXPECT_EQ(tokenizer.decode(ids), clip.at(search + "_text").get<std::string>());
    }
  }
}

}  // namespace
}  // namespace lpmc
