#include <map>
#include <string>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_encoder.h"

#include "tests/support/matchers.h"
#include "tests/support/tiny_model.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

// Activations after a layer norm lie below 8; a sublayer adds a product of at most 50 terms whose
// rounding is some 8 * 50 / 2 * eps = 2e-5 at worst and a tenth of that in practice, and the norm
// that follows divides by a deviation above one. Four sublayers.
constexpr double kEncoderTolerance = 4e-5;
// Log-mel values of up to 7 standard deviations of 20, three convolutions of at most 108 products; the
// outputs are of that size too.
constexpr double kAudioTolerance = 1e-6 * 70 * 3;

auto invalid(const std::string& part) {
  return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
}

class EncoderWeights : public ::testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(all, EncoderWeights, ::testing::Values(DType::f32, DType::f16, DType::bf16),
                         [](const auto& test) { return std::string(to_string(test.param)); });

TEST_P(EncoderWeights, audio_encoder_equals_plain_loops) {
  const test::TinyModel model = test::tiny_model(1, GetParam());
  const test::ReferenceNetwork reference(model.config, model.weights);
  const AudioEncoder encoder(model.config, model.weights);
  const Tensor log_mel = random_tensor({3, 10, 51}, 7, 20.0);
  const Tensor found = encoder.forward(log_mel);
  ASSERT_EQ(found.shape(), (Shape{3, model.config.n_ctx(), 36}));
  for (std::int64_t item = 0; item < 3; ++item) {
    const Matrix expected = reference.audio_encoder(test::to_matrix(log_mel.view()[item]));
    EXPECT_LE(test::max_difference(found.view()[item].values<float>(), expected.values), kAudioTolerance);
  }
}

TEST_P(EncoderWeights, bart_encoder_equals_plain_loops) {
  const test::TinyModel model = test::tiny_model(2, GetParam());
  const test::ReferenceNetwork reference(model.config, model.weights);
  const BartEncoder encoder(model.config, model.weights);
  for (const std::int64_t positions : {1, 13, 20}) {
    const Tensor embeddings = random_tensor({4, positions, 36}, 8);
    const Tensor found = encoder.forward(embeddings);
    ASSERT_EQ(found.shape(), embeddings.shape());
    for (std::int64_t item = 0; item < 4; ++item) {
      const Matrix expected = reference.encoder(test::to_matrix(embeddings.view()[item]));
      EXPECT_LE(test::max_difference(found.view()[item].values<float>(), expected.values), kEncoderTolerance);
    }
  }
}

TEST(Encoders, weights_may_go_away) {
  test::TinyModel model = test::tiny_model(3);
  const AudioEncoder audio(model.config, model.weights);
  const BartEncoder bart(model.config, model.weights);
  const Tensor log_mel = random_tensor({1, 10, 51}, 9);
  const Tensor before = bart.forward(audio.forward(log_mel));
  for (Tensor& tensor : model.tensors)
    tensor = Tensor();
  const Tensor after = bart.forward(audio.forward(log_mel));
  EXPECT_EQ(test::max_abs_difference(before.values<float>(), after.values<float>()), 0.0);
}

TEST(Encoders, one_thread_equals_two_and_nothing_gives_nothing) {
  const test::TinyModel model = test::tiny_model(4);
  const AudioEncoder audio(model.config, model.weights);
  const BartEncoder bart(model.config, model.weights);
  const Tensor log_mel = random_tensor({12, 10, 51}, 9);
  set_num_threads(1);
  const Tensor one = bart.forward(audio.forward(log_mel));
  set_num_threads(2);
  const Tensor two = bart.forward(audio.forward(log_mel));
  set_num_threads(0);
  EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
  EXPECT_EQ(bart.forward(audio.forward(Tensor({0, 10, 51}))).shape(), (Shape{0, 13, 36}));
}

TEST(Encoders, stages_are_reported_in_order_and_change_nothing) {
  const test::TinyModel model = test::tiny_model(5);
  const AudioEncoder audio(model.config, model.weights);
  const BartEncoder bart(model.config, model.weights);
  const Tensor log_mel = random_tensor({2, 10, 51}, 9);
  std::vector<std::string> names;
  std::map<std::string, Shape> shapes;
  Tensor last;
  const StageFn record = [&](std::string_view name, ConstTensorView tensor) {
    names.emplace_back(name);
    shapes.emplace(name, tensor.shape());
    last = Tensor::copy_of(tensor);
  };
  const Tensor embeddings = audio.forward(log_mel, record);
  const Tensor plain = audio.forward(log_mel);
  EXPECT_EQ(test::max_abs_difference(embeddings.values<float>(), plain.values<float>()), 0.0);
  const Tensor hidden = bart.forward(embeddings, record);
  EXPECT_THAT(names,
              ::testing::ElementsAre("conv1", "conv_stack.0", "conv_stack.1", "audio_emb",
                                     "encoder.layernorm_embedding", "encoder.layers.0", "encoder.layers.1"));
  EXPECT_EQ(shapes.at("conv1"), (Shape{2, 36, 51}));
  EXPECT_EQ(shapes.at("conv_stack.1"), (Shape{2, 36, 13}));
  EXPECT_EQ(test::max_abs_difference(last.values<float>(), hidden.values<float>()), 0.0);
}

TEST(Encoders, wrong_input_is_named) {
  const test::TinyModel model = test::tiny_model(6);
  const AudioEncoder audio(model.config, model.weights);
  const BartEncoder bart(model.config, model.weights);
  EXPECT_THAT(
      [&] {
        audio.forward(Tensor({1, 11, 51}));
      },
      invalid("log_mel: expected float32 [batch, 10, 51], found float32 [1, 11, 51]"));
  EXPECT_THAT([&] { audio.forward(Tensor({1, 10, 50})); }, invalid("found float32 [1, 10, 50]"));
  EXPECT_THAT([&] { audio.forward(Tensor({10, 51})); }, invalid("found float32 [10, 51]"));
  EXPECT_THAT([&] { audio.forward(Tensor({1, 10, 51}, DType::f16)); }, invalid("found float16"));
  EXPECT_THAT(
      [&] {
        bart.forward(Tensor({1, 13, 35}));
      },
      invalid("encoder embeddings: expected float32 [batch, positions, 36]"));
  EXPECT_THAT([&] { bart.forward(Tensor({1, 21, 36})); }, invalid("expected 1 to 20 positions, found 21"));
  EXPECT_THAT([&] { bart.forward(Tensor({1, 0, 36})); }, invalid("expected 1 to 20 positions, found 0"));
}

TEST(Encoders, wrong_weights_are_named) {
  test::TinyModel model = test::tiny_model(7);
  const Tensor wrong({2, 2});
  ModelWeights weights = model.weights;
  weights.encoder_layers[1].self_attn.v_proj.weight = wrong;
  EXPECT_THAT([&] { BartEncoder(model.config, weights); },
              invalid("encoder.layers.1.self_attn.v_proj.weight: expected [36, 36], found [2, 2]"));
  weights = model.weights;
  weights.conv_stack[0].weight = ConstTensorView();
  EXPECT_THAT([&] { AudioEncoder(model.config, weights); },
              invalid("conv_stack.0.weight: expected [36, 36, 3], found nothing"));
  weights = model.weights;
  weights.conv_stack.pop_back();
  EXPECT_THAT([&] { AudioEncoder(model.config, weights); },
              invalid("conv_stack: expected 2 convolutions, found 1"));
  weights = model.weights;
  weights.encoder_layers.pop_back();
  EXPECT_THAT([&] { BartEncoder(model.config, weights); }, invalid("encoder.layers: expected 2, found 1"));
}

}  // namespace
}  // namespace lpmc
