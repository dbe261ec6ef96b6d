// int8 and bf16 arithmetic against float32 on the model that ships and the recording that ships.

#include <gtest/gtest.h>

#include "tests/golden/teacher_forced.h"

namespace lpmc::test {
namespace {

// The bound that captions in these arithmetics are promised to keep (see the model's card).
constexpr double kLowestCosine = 0.999;

class DtypeGolden : public ::testing::TestWithParam<DType> {};

TEST_P(DtypeGolden, LogitsPointWhereFloat32Points) {
  const std::filesystem::path root = LPMC_SOURCE_DIR;
  const Model model = open_model(find_model((root / "models/default").string()));
  const Tensor waveforms = first_clips(root / "samples/metal_madness_30s.ogg", model.config, 3);
  const auto texts = greedy_texts(model, waveforms, 40);
  const auto expected = teacher_forced_logits(model, DType::f32, waveforms, texts);
  const Cosines cosines =
      compare_logits(teacher_forced_logits(model, GetParam(), waveforms, texts), expected);
  EXPECT_GT(cosines.lowest, kLowestCosine);
  EXPECT_LT(cosines.lowest, 1) << "float32 under another name";
  RecordProperty("lowest", std::to_string(cosines.lowest));
  RecordProperty("mean", std::to_string(cosines.mean));
}

std::string dtype_name(const ::testing::TestParamInfo<DType>& param) {
  return std::string(to_string(param.param));
}

INSTANTIATE_TEST_SUITE_P(Arithmetics, DtypeGolden, ::testing::Values(DType::bf16, DType::i8), dtype_name);

}  // namespace
}  // namespace lpmc::test
