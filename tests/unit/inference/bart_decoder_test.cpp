#include "lpmc/inference/bart_decoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"
#include "lpmc/tensor/int8_rows.h"

#include "tests/support/matchers.h"
#include "tests/support/tiny_model.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

// Logits are sums of 36 products of a normed activation (below 8) and an embedding (below 1), so at
// most some 30; what comes in is off by the rounding of six sublayers (see encoders_test.cpp).
constexpr double kTolerance = 1e-4;

auto invalid(const std::string& part) {
  return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
}

/// A row as the test knows it: the tokens fed so far and the segment they are about.
struct Row {
  std::vector<std::int32_t> tokens;
  std::size_t segment = 0;
};

/// Drives a decoder and a list of plain rows side by side.
class Driver {
 public:
  explicit Driver(const test::TinyModel& model)
      : model_(model), decoder_(model.config, model.weights), reference_(model.config, model.weights) {}

  void add_segments(std::int64_t count, std::int64_t positions, std::uint32_t seed) {
    const Tensor states = random_tensor({count, positions, model_.config.d_model}, seed);
    decoder_.add_segments(cache, states);
    for (std::int64_t i = 0; i < count; ++i) {
      waiting_.push_back(encoded_.size());
      encoded_.push_back(test::to_matrix(states.view()[i]));
    }
  }

  TensorView step(const std::vector<std::int32_t>& parents, const std::vector<std::int32_t>& tokens) {
    std::vector<Row> next;
    for (std::size_t i = 0; i < parents.size(); ++i) {
      const auto parent = static_cast<std::size_t>(parents[i]);
      next.push_back(parent < rows.size() ? rows[parent] : Row{{}, waiting_[parent - rows.size()]});
      next.back().tokens.push_back(tokens[i]);
    }
    rows = next;
    waiting_.clear();
    return decoder_.step(cache, parents, tokens);
  }

  /// The rows' logits by the network without a cache.
  Matrix expected() const {
    Matrix logits(static_cast<std::int64_t>(rows.size()), model_.config.vocab_size);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Matrix all = reference_.decoder(rows[i].tokens, encoded_[rows[i].segment]);
      std::copy(all.values.end() - logits.columns, all.values.end(),
                logits.values.begin() + static_cast<std::ptrdiff_t>(i) * logits.columns);
    }
    return logits;
  }

  std::size_t waiting() const { return waiting_.size(); }
  const BartDecoder& decoder() const { return decoder_; }

  KvCache cache;
  std::vector<Row> rows;

 private:
  const test::TinyModel& model_;
  BartDecoder decoder_;
  test::ReferenceNetwork reference_;
  std::vector<Matrix> encoded_;
  std::vector<std::size_t> waiting_;
};

class DecoderWeights : public ::testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(all, DecoderWeights, ::testing::Values(DType::f32, DType::f16, DType::bf16),
                         [](const auto& test) { return std::string(to_string(test.param)); });

TEST_P(DecoderWeights, steps_equal_the_network_without_a_cache) {
  const test::TinyModel model = test::tiny_model(1, GetParam());
  Driver driver(model);
  driver.add_segments(2, 13, 100);
  std::vector<std::int32_t> parents = {0, 1};
  for (std::int32_t i = 0; i < 20; ++i) {
    const TensorView logits = driver.step(parents, {(i * 7) % 61, (i * 11 + 3) % 61});
    ASSERT_EQ(logits.shape(), (Shape{2, 61}));
    ASSERT_LE(test::max_difference(logits.values<float>(), driver.expected().values), kTolerance) << i;
  }
}

TEST(BartDecoder, random_reorderings_joins_and_leaves) {
  const test::TinyModel model = test::tiny_model(2);
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    Driver driver(model);
    std::mt19937 engine(seed);
    const auto below = [&](std::size_t bound) { return static_cast<std::int32_t>(engine() % bound); };
    for (int i = 0; i < 25; ++i) {
      for (int joins = below(3) - 1; joins > 0; --joins) {
        driver.add_segments(1 + below(2), 1 + below(14), engine());
      }
      // Any choice of parents: some twice or more, some never, new segments started or passed over.
      std::vector<std::int32_t> parents;
      std::vector<std::int32_t> tokens;
      const std::size_t candidates = driver.rows.size() + driver.waiting();
      for (std::int32_t wanted = below(9); candidates > 0 && wanted > 0; --wanted) {
        const std::int32_t parent = below(candidates);
        const auto index = static_cast<std::size_t>(parent);
        if (index < driver.rows.size() && driver.rows[index].tokens.size() == 20) continue;  // full
        parents.push_back(parent);
        tokens.push_back(below(61));
      }
      const TensorView logits = driver.step(parents, tokens);
      ASSERT_EQ(driver.cache.rows(), static_cast<std::int64_t>(parents.size()));
      ASSERT_LE(test::max_difference(logits.values<float>(), driver.expected().values), kTolerance)
          << "seed " << seed << " step " << i;
    }
  }
}

/// The arithmetic of the products, and with it what keys and values are kept as.
class DecoderArithmetic : public ::testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(all, DecoderArithmetic, ::testing::Values(DType::f32, DType::bf16, DType::i8),
                         [](const auto& test) { return std::string(to_string(test.param)); });

/// A decoder's weights rounded to another type, and back in float32.
struct RoundedWeights {
  ModelWeights weights;
  std::vector<Tensor> tensors;

  RoundedWeights(const ModelWeights& exact, DType dtype) : weights(exact) {
    round(weights.shared, dtype);
    for (DecoderLayerWeights& layer : weights.decoder_layers) {
      for (AttentionWeights* attention : {&layer.self_attn, &layer.encoder_attn}) {
        for (LinearWeights* linear :
             {&attention->q_proj, &attention->k_proj, &attention->v_proj, &attention->out_proj})
          round(linear->weight, dtype);
      }
      round(layer.fc1.weight, dtype);
      round(layer.fc2.weight, dtype);
    }
  }

 private:
  void round(ConstTensorView& weight, DType dtype) {
    Tensor back(weight.shape());
    if (dtype == DType::i8) {
      const Int8Rows rows = quantize_rows(weight);
      dequantize_rows(rows.values, rows.scales, back);
    } else {
      convert_to_float(convert_from_float(weight, dtype), back);
    }
    tensors.push_back(std::move(back));
    weight = tensors.back();
  }
};

/// Logits of 19 steps of two beams a segment that trade places: always the same steps.
std::vector<float> all_logits(const BartDecoder& decoder, ConstTensorView states) {
  KvCache cache;
  decoder.add_segments(cache, states);
  std::mt19937 engine(1);
  const auto below = [&](std::uint32_t bound) { return static_cast<std::int32_t>(engine() % bound); };
  std::vector<float> logits;
  for (std::int32_t i = 0; i < 19; ++i) {
    std::vector<std::int32_t> parents;
    std::vector<std::int32_t> tokens;
    for (std::int32_t row = 0; row < 6; ++row) {
      parents.push_back(i == 0 ? row / 2 : row / 2 * 2 + below(2));
      tokens.push_back(below(61));
    }
    const auto values = decoder.step(cache, parents, tokens).values<float>();
    logits.insert(logits.end(), values.begin(), values.end());
  }
  return logits;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

TEST_P(DecoderArithmetic, is_off_by_the_rounding_of_both_operands) {
  const test::TinyModel model = test::tiny_model(11);
  const Tensor states = random_tensor({3, 13, 36}, 100);
  const auto logits = [&](const ModelWeights& weights, DType arithmetic) {
    return all_logits(BartDecoder(model.config, weights, arithmetic), states);
  };
  const std::vector<float> exact = logits(model.weights, DType::f32);
  const double found = distance(logits(model.weights, GetParam()), exact);
  // How far rounding alone the weights, in float32 arithmetic, leads: activations are rounded as coarsely,
  // keys and values at most so. Three independent errors of that size add up to the root of three, and
  // without the rounding of activations it would be one.
  const RoundedWeights rounded(model.weights, GetParam());
  const double by_weights = distance(logits(rounded.weights, DType::f32), exact);
  if (GetParam() == DType::f32) {
    EXPECT_EQ(found, 0.0);
  } else {
    EXPECT_GT(found, by_weights);
    EXPECT_LT(found, 2.0 * by_weights);
  }
}

TEST_P(DecoderArithmetic, a_row_alone_equals_the_row_in_a_batch) {
  const test::TinyModel model = test::tiny_model(3);
  const BartDecoder decoder(model.config, model.weights, GetParam());
  const Tensor states = random_tensor({9, 13, 36}, 100);
  KvCache batch;
  decoder.add_segments(batch, states);
  KvCache single;
  decoder.add_segments(single, {states.view()[5].bytes(), DType::f32, {1, 13, 36}});
  // The same segments from the last to the first.
  Tensor reversed({9, 13, 36});
  for (std::int64_t i = 0; i < 9; ++i) {
    const auto from = states.view()[8 - i].values<float>();
    std::copy(from.begin(), from.end(), reversed.mutable_view()[i].mutable_values<float>().begin());
  }
  KvCache backwards;
  decoder.add_segments(backwards, reversed);
  const std::vector<std::int32_t> parents = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  for (std::int32_t i = 0; i < 12; ++i) {
    std::vector<std::int32_t> tokens(9);
    for (std::int32_t row = 0; row < 9; ++row)
      tokens[static_cast<std::size_t>(row)] = (i * 5 + row * 3) % 61;
    const std::vector<std::int32_t> last_first(tokens.rbegin(), tokens.rend());
    const TensorView logits = decoder.step(batch, parents, tokens);
    const TensorView mirrored = decoder.step(backwards, parents, last_first);
    const TensorView alone = decoder.step(single, std::array<std::int32_t, 1>{0}, std::array{tokens[5]});
    ASSERT_EQ(test::max_abs_difference(alone.values<float>(), logits[5].values<float>()), 0.0);
    for (std::int64_t row = 0; row < 9; ++row) {
      ASSERT_EQ(test::max_abs_difference(mirrored[8 - row].values<float>(), logits[row].values<float>()),
                0.0);
    }
  }
}

TEST(BartDecoder, keys_and_values_take_half_the_room_in_bfloat16) {
  const test::TinyModel model = test::tiny_model(12);
  const Tensor states = random_tensor({1, 13, 36}, 1);
  std::array<std::size_t, 2> bytes = {};
  for (const DType arithmetic : {DType::f32, DType::bf16}) {
    KvCache cache;
    BartDecoder(model.config, model.weights, arithmetic).add_segments(cache, states);
    bytes[arithmetic == DType::f32 ? 0 : 1] = cache.size_bytes();
  }
  EXPECT_EQ(bytes[1], bytes[0] / 2);
  EXPECT_EQ(bytes[1], 2U * 13 * 2 * 36 * 2);  // layers, positions, key and value, channels, bytes
}

TEST_P(DecoderArithmetic, one_thread_equals_two_bit_for_bit) {
  const test::TinyModel model = test::tiny_model(4);
  std::map<int, Tensor> results;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    const BartDecoder decoder(model.config, model.weights, GetParam());
    KvCache cache;
    decoder.add_segments(cache, random_tensor({3, 13, 36}, 100));
    const auto step = [&](std::vector<std::int32_t> parents, std::vector<std::int32_t> tokens) {
      return decoder.step(cache, parents, tokens);
    };
    step({0, 0, 1, 1, 2, 2}, {0, 1, 2, 3, 4, 5});
    step({1, 1, 2, 3, 5, 4}, {6, 7, 8, 9, 10, 11});
    results[threads] = Tensor::copy_of(step({0, 1, 2, 3, 4, 5}, {9, 9, 9, 9, 9, 9}));
  }
  set_num_threads(0);
  EXPECT_EQ(test::max_abs_difference(results[1].values<float>(), results[2].values<float>()), 0.0);
}

TEST(BartDecoder, memory_of_segments_that_left_is_used_again) {
  const test::TinyModel model = test::tiny_model(5);
  Driver driver(model);
  std::size_t after_first = 0;
  for (std::uint32_t round = 0; round < 10; ++round) {
    driver.add_segments(4, 13, round);
    const auto first = static_cast<std::int32_t>(driver.rows.size());
    driver.step({first, first + 1, first + 2, first + 3}, {0, 0, 0, 0});
    for (int i = 0; i < 10; ++i)
      driver.step({0, 1, 2, 3}, {1, 2, 3, 4});
    driver.step({}, {});  // all leave
    EXPECT_EQ(driver.cache.rows(), 0);
    if (round == 0) after_first = driver.cache.size_bytes();
  }
  EXPECT_EQ(driver.cache.size_bytes(), after_first);
}

TEST(BartDecoder, a_segment_nobody_starts_is_gone) {
  const test::TinyModel model = test::tiny_model(6);
  Driver driver(model);
  driver.add_segments(2, 13, 1);
  driver.step({1}, {5});
  EXPECT_THAT([&] { driver.decoder().step(driver.cache, std::array{1}, std::array{5}); },
              invalid("parent: expected 0 to 0 (1 rows and 0 new segments), found 1"));
  const TensorView logits = driver.step({0}, {6});
  EXPECT_LE(test::max_difference(logits.values<float>(), driver.expected().values), kTolerance);
}

TEST(BartDecoder, a_refused_step_changes_nothing) {
  const test::TinyModel model = test::tiny_model(7);
  Driver driver(model);
  EXPECT_EQ(driver.cache.rows(), 0);
  EXPECT_EQ(driver.cache.size_bytes(), 0U);
  const auto refused = [&](std::vector<std::int32_t> parents, std::vector<std::int32_t> tokens,
                           const std::string& part) {
    EXPECT_THAT([&] { driver.decoder().step(driver.cache, parents, tokens); }, invalid(part));
  };
  refused({0}, {1}, "(0 rows and 0 new segments), found 0");
  driver.add_segments(1, 13, 1);
  refused({-1}, {1}, "parent: expected 0 to 0");
  refused({0, 1}, {1, 1}, "found 1");
  refused({0}, {61}, "token: expected 0 to 60, found 61");
  refused({0}, {-1}, "token: expected 0 to 60, found -1");
  refused({0, 0}, {1}, "as many tokens as parents (2), found 1");
  for (int i = 0; i < 20; ++i) {
    const TensorView logits = driver.step({0}, {i});
    EXPECT_LE(test::max_difference(logits.values<float>(), driver.expected().values), kTolerance);
    refused({5}, {1}, "found 5");
  }
  refused({0}, {1}, "at most 20 tokens in a row, found 21");
}

TEST(BartDecoder, wrong_segments_weights_and_caches_are_named) {
  const test::TinyModel model = test::tiny_model(8);
  const BartDecoder decoder(model.config, model.weights);
  KvCache cache;
  EXPECT_THAT(
      [&] {
        decoder.add_segments(cache, Tensor({1, 13, 35}));
      },
      invalid("decoder segments: expected float32 [segments, positions, 36]"));
  EXPECT_THAT([&] { decoder.add_segments(cache, Tensor({13, 36})); }, invalid("found float32 [13, 36]"));
  EXPECT_THAT([&] { decoder.add_segments(cache, Tensor({1, 0, 36})); }, invalid("found float32 [1, 0, 36]"));
  decoder.add_segments(cache, Tensor({0, 13, 36}));
  ModelConfig other = model.config;
  other.decoder_layers = 1;
  const test::TinyModel smaller = test::tiny_model(9, DType::f32, other);
  EXPECT_THAT([&] { BartDecoder(smaller.config, smaller.weights).step(cache, {}, {}); },
              invalid("expected that of a decoder of 1 layers of 36, found 2 of 36"));
  ModelWeights weights = model.weights;
  const Tensor wrong({61, 35});
  weights.shared = wrong;
  EXPECT_THAT([&] { BartDecoder(model.config, weights); },
              invalid("shared: expected [61, 36], found [61, 35]"));
}

TEST(BartDecoder, stages_are_reported_in_order) {
  const test::TinyModel model = test::tiny_model(10);
  const BartDecoder decoder(model.config, model.weights);
  KvCache cache;
  decoder.add_segments(cache, random_tensor({1, 13, 36}, 1));
  std::vector<std::string> names;
  const TensorView logits =
      decoder.step(cache, std::array{0}, std::array{3},
                   [&](std::string_view name, ConstTensorView) { names.emplace_back(name); });
  EXPECT_THAT(names, ::testing::ElementsAre("decoder.layernorm_embedding", "decoder.layers.0",
                                            "decoder.layers.1", "logits"));
  EXPECT_EQ(logits.shape(), (Shape{1, 61}));
}

}  // namespace
}  // namespace lpmc
