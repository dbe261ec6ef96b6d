#include "lpmc/captioning/arithmetic.h"

#include <array>

#include "lpmc/base/atomic_file.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::ElementsAre;

constexpr std::array kInt8First = {DType::i8, DType::bf16, DType::f32};
constexpr std::array kFloatFirst = {DType::f32, DType::bf16, DType::i8};

class ArithmeticTest : public ::testing::Test {
 protected:
  /// A tiny model stored as `types` with a card of this front matter, or without a card.
  Model model(const StorageTypes& types, const char* dtypes = nullptr) {
    Model made;
    made.config = preset_config("tiny");
    made.weights = random_weights(made.config, 1);
    made.generation_config = nlohmann::json::object();
    write_model_folder(folder_ / "m", made, types, true);
    if (dtypes != nullptr)
      write_file_atomically(folder_ / "m/README.md", fmt::format("---\nlpmc_dtypes: {}\n---\n", dtypes));
    return open_model(find_model((folder_ / "m").string()));
  }

  test::TemporaryFolder folder_;
};

TEST_F(ArithmeticTest, WhatIsAskedForIsTaken) {
  const Model plain = model(DType::f32);
  EXPECT_EQ(choose_arithmetic("f32", plain, kInt8First).dtype, DType::f32);
  EXPECT_EQ(choose_arithmetic("bf16", plain, kInt8First).dtype, DType::bf16);
  EXPECT_EQ(choose_arithmetic("int8", plain, kFloatFirst).dtype, DType::i8);
  for (const char* wrong : {"f16", "INT8", ""}) {
    EXPECT_THAT([&] { choose_arithmetic(wrong, plain, kInt8First); },
                ThrowsLpmc(ErrorKind::invalid_argument,
                           fmt::format("dtype: expected auto, f32, bf16 or int8, found '{}'", wrong)));
  }
}

TEST_F(ArithmeticTest, AutoTakesTheFastestThatTheCardVouchesFor) {
  const Model all = model(DType::f16, "[f32, bf16, int8]");
  EXPECT_EQ(choose_arithmetic("auto", all, kInt8First).dtype, DType::i8);
  EXPECT_EQ(choose_arithmetic("auto", all, kFloatFirst).dtype, DType::f32);
  const Model some = model(DType::f16, "[f32, bf16]");
  EXPECT_EQ(choose_arithmetic("auto", some, kInt8First).dtype, DType::bf16);
  EXPECT_EQ(choose_arithmetic("auto", some, kInt8First).reason,
            "the fastest here that the model card vouches for");
}

TEST_F(ArithmeticTest, AutoIsFloat32WhereNobodyVouches) {
  for (const char* dtypes : {static_cast<const char*>(nullptr), "[]", "int8", "[int8"}) {
    for (const DType stored : {DType::f32, DType::f16}) {
      const Arithmetic chosen = choose_arithmetic("auto", model(stored, dtypes), kInt8First);
      EXPECT_EQ(chosen.dtype, DType::f32);
      EXPECT_EQ(chosen.reason, "the model card vouches for no faster one");
    }
  }
}

TEST_F(ArithmeticTest, ACheckpointHasNoCard) {
  const Model with_card = model(DType::f32, "[f32, bf16, int8]");
  export_pth(folder_ / "m/last.pth", with_card.config, with_card.weights, 0);
  const Model checkpoint = open_model(find_model((folder_ / "m/last.pth").string()));
  EXPECT_EQ(choose_arithmetic("auto", checkpoint, kInt8First).dtype, DType::f32);
}

TEST_F(ArithmeticTest, TheStoredTypeIsGoodEnough) {
  const Model int8 = model(DType::i8);
  EXPECT_EQ(choose_arithmetic("auto", int8, kInt8First).dtype, DType::i8);
  EXPECT_EQ(choose_arithmetic("auto", int8, kInt8First).reason, "the type that the weights are stored in");
  EXPECT_THAT(good_arithmetics(int8), ElementsAre(DType::f32, DType::i8));
  const Model bf16 = model({DType::bf16, DType::f32});
  EXPECT_EQ(choose_arithmetic("auto", bf16, kInt8First).dtype, DType::bf16);
  EXPECT_EQ(choose_arithmetic("auto", bf16, kFloatFirst).dtype, DType::f32);
}

}  // namespace
}  // namespace lpmc
