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
#include "tests/support/random_text.h"

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

TEST(TokenizerGolden, DecodingUndoesEncoding) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const BpeTokenizer tokenizer = bart_tokenizer();
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = test::random_text(random);
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
