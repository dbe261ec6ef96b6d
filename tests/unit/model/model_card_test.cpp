#include "lpmc/model/model_card.h"

#include "lpmc/base/log.h"

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<DType> vouched(std::string_view card) {
  return vouched_dtypes(card, "README.md");
}

TEST(ModelCard, VouchesForTheDtypesOfItsFrontMatter) {
  EXPECT_THAT(vouched("---\nlicense: mit\nlpmc_dtypes: [f32, bf16, int8]\n---\n# m\n"),
              ElementsAre(DType::f32, DType::bf16, DType::i8));
  EXPECT_THAT(vouched("---\nlpmc_dtypes:\n  - f32\n  - int8\nlicense: mit\n---\n"),
              ElementsAre(DType::f32, DType::i8));
  EXPECT_THAT(vouched("---\nlpmc_dtypes:\n- \"bf16\"\n---\n"), ElementsAre(DType::bf16));
}

TEST(ModelCard, ListsMayBeWrittenInOtherWays) {
  EXPECT_THAT(vouched("\xEF\xBB\xBF---\r\nlpmc_dtypes: ['float32' , bfloat16,] # tried\r\n---\r\n"),
              ElementsAre(DType::f32, DType::bf16));
  EXPECT_THAT(vouched("---\nlpmc_dtypes: [f32,\n  int8, # new\n  int8]\n---\n"),
              ElementsAre(DType::f32, DType::i8));
  EXPECT_THAT(vouched("---\nlpmc_dtypes: []\n---\n"), IsEmpty());
}

TEST(ModelCard, WhatCannotBeMadeOutVouchesForNothing) {
  for (const char* card :
       {"", "# m\n", "---\n", "---\nlpmc_dtypes: [int8]\n", "lpmc_dtypes: [int8]\n",
        "---\nlicense: mit\n---\n", "---\nlpmc_dtypes: int8\n---\n", "---\nlpmc_dtypes: [int8\n---\n",
        "---\nlpmc_dtypes: {int8: yes}\n---\n", "---\nother:\n  lpmc_dtypes: [int8]\n---\n",
        "---\n---\nlpmc_dtypes: [int8]\n---\n", "---\nlpmc_dtypes:\n---\n"}) {
    EXPECT_THAT(vouched(card), IsEmpty()) << card;
  }
}

TEST(ModelCard, UnknownNamesAreLeftOutAndSaid) {
  std::string said;
  set_log_sink([&](LogLevel level, std::string_view message) {
    EXPECT_EQ(level, LogLevel::debug);
    said += message;
  });
  EXPECT_THAT(vouched("---\nlpmc_dtypes: [int4, int8]\n---\n"), ElementsAre(DType::i8));
  EXPECT_THAT(said, HasSubstr("README.md: lpmc_dtypes: expected f32, bf16 or int8, found int4"));
  said.clear();
  vouched("---\nlpmc_dtypes: [int8\n---\n");
  EXPECT_THAT(said, HasSubstr("README.md: no list lpmc_dtypes:"));
  set_log_sink({});
}

TEST(ModelCard, ArithmeticsHaveNames) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8})
    EXPECT_EQ(arithmetic_of_name(arithmetic_name(dtype)), dtype);
  EXPECT_EQ(arithmetic_name(DType::i8), "int8");
  EXPECT_EQ(arithmetic_of_name("float16"), std::nullopt);
}

TEST(ModelCard, SaysWhatAQuantizedModelWasMadeFrom) {
  const std::string card =
      quantized_card("---\nlpmc_dtypes: [int8]\n---\n# m", "models/transfer/", DType::f16, DType::i8);
  EXPECT_THAT(card, StartsWith("---\nlpmc_dtypes: [int8]\n---\n# m\n\n## Quantized weights\n"));
  EXPECT_THAT(card, HasSubstr("from `transfer`, whose weights were float16"));
  EXPECT_THAT(card, HasSubstr("stored as int8"));
  EXPECT_THAT(quantized_card("", "a.pth", DType::f32, DType::bf16),
              StartsWith("# a.pth\n\n## Quantized weights\n"));
}

}  // namespace
}  // namespace lpmc
