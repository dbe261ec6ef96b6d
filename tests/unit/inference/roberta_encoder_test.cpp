#include "lpmc/inference/roberta_encoder.h"

#include <map>
#include <numeric>
#include <string>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/matchers.h"
#include "tests/support/small_roberta.h"

namespace lpmc {
namespace {

using Sequences = std::vector<std::vector<std::int32_t>>;

// What the acceptance of the encoder asks for; float32 sums in another order differ by some 1e-6.
constexpr double kLayerTolerance = 1e-4;

RobertaModel small_model(int layers) {
  return open_roberta(find_roberta(test::small_roberta_folder().string()), layers);
}

/// Hidden states of all layers, by stage name.
std::map<std::string, Tensor> stages(const RobertaEncoder& encoder, const Sequences& sequences) {
  std::map<std::string, Tensor> states;
  encoder.forward(sequences, [&](std::string_view name, ConstTensorView tensor) {
    states.emplace(name, Tensor::copy_of(tensor));
  });
  return states;
}

TEST(RobertaEncoder, every_layer_equals_hugging_face) {
  const RobertaModel model = small_model(3);
  const RobertaEncoder encoder(model);
  const TensorFile expected = TensorFile::open(test::small_roberta_folder() / "expected.safetensors");
  const Sequences sequences = test::small_roberta_tokens();
  ASSERT_EQ(sequences.size(), 17U);
  const std::map<std::string, Tensor> states = stages(encoder, sequences);
  ASSERT_EQ(states.size(), 4U);
  std::int64_t first = 0;
  for (std::size_t text = 0; text < sequences.size(); ++text) {
    const auto length = static_cast<std::int64_t>(sequences[text].size());
    for (int layer = 0; layer <= 3; ++layer) {
      const std::string stage = layer == 0 ? "embeddings" : fmt::format("encoder.layer.{}", layer - 1);
      const StoredTensor* stored = expected.find(fmt::format("{}.{}", text, layer));
      ASSERT_NE(stored, nullptr);
      const Tensor theirs = read_tensor(*stored);
      ASSERT_EQ(theirs.shape(), (Shape{length, encoder.width()}));
      const auto ours =
          states.at(stage).values<float>().subspan(static_cast<std::size_t>(first * encoder.width()),
                                                   static_cast<std::size_t>(length * encoder.width()));
      EXPECT_LE(test::max_abs_difference(ours, theirs.values<float>()), kLayerTolerance)
          << "text " << text << ", layer " << layer;
    }
    first += length;
  }
}

TEST(RobertaEncoder, fewer_layers_give_the_lower_layers_output) {
  const Sequences sequences = test::small_roberta_tokens();
  const auto all = stages(RobertaEncoder(small_model(3)), sequences);
  const Tensor two = RobertaEncoder(small_model(2)).forward(sequences);
  EXPECT_EQ(test::max_abs_difference(two.values<float>(), all.at("encoder.layer.1").values<float>()), 0.0);
}

TEST(RobertaEncoder, a_sequence_does_not_depend_on_the_others_nor_on_threads) {
  const RobertaEncoder encoder(small_model(3));
  const Sequences sequences = test::small_roberta_tokens();
  set_num_threads(2);
  const Tensor together = encoder.forward(sequences);
  set_num_threads(1);
  std::size_t first = 0;
  for (const std::vector<std::int32_t>& sequence : sequences) {
    const Tensor alone = encoder.forward(Sequences{sequence});
    const auto size = static_cast<std::size_t>(alone.elements());
    EXPECT_EQ(test::max_abs_difference(alone.values<float>(), together.values<float>().subspan(first, size)),
              0.0);
    first += size;
  }
  set_num_threads(0);
}

TEST(RobertaEncoder, narrower_arithmetic_stays_close) {
  const RobertaModel model = small_model(3);
  const Sequences sequences = test::small_roberta_tokens();
  const Tensor exact = RobertaEncoder(model).forward(sequences);
  for (const DType dtype : {DType::bf16, DType::i8}) {
    const Tensor found = RobertaEncoder(model, dtype).forward(sequences);
    const auto a = exact.values<float>();
    const auto b = found.values<float>();
    const double product = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    const double lengths = std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0) *
                                     std::inner_product(b.begin(), b.end(), b.begin(), 0.0));
    EXPECT_GT(product / lengths, 0.999) << to_string(dtype);
    EXPECT_NE(test::max_abs_difference(a, b), 0.0) << to_string(dtype);
  }
}

TEST(RobertaEncoder, the_model_may_go_away) {
  auto model = std::make_unique<RobertaModel>(small_model(1));
  const RobertaEncoder encoder(*model);
  const Tensor before = encoder.forward(Sequences{{0, 5, 6, 2}});
  model.reset();
  const Tensor after = encoder.forward(Sequences{{0, 5, 6, 2}});
  EXPECT_EQ(test::max_abs_difference(before.values<float>(), after.values<float>()), 0.0);
}

TEST(RobertaEncoder, nothing_gives_nothing_and_wrong_input_is_named) {
  const RobertaEncoder encoder(small_model(1));
  EXPECT_EQ(encoder.max_tokens(), 30);
  EXPECT_EQ(encoder.forward({}).shape(), (Shape{0, encoder.width()}));
  EXPECT_THAT([&] { encoder.forward(Sequences{{}}); },
              test::ThrowsLpmc(ErrorKind::invalid_argument, "1 to 30 tokens, found 0"));
  EXPECT_THAT([&] { encoder.forward(Sequences{std::vector<std::int32_t>(31, 5)}); },
              test::ThrowsLpmc(ErrorKind::invalid_argument, "1 to 30 tokens, found 31"));
  EXPECT_THAT(
      [&] {
        encoder.forward(Sequences{{0, 100000, 2}});
      },
      test::ThrowsLpmc(ErrorKind::invalid_argument, "100000"));
}

}  // namespace
}  // namespace lpmc
