#include "lpmc/training/caption_module.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/training/caption_layers.h"
#include "lpmc/training/token_loss.h"

#include "tests/support/matchers.h"
#include "tests/support/tiny_model.h"

namespace lpmc::test {
namespace {

/// A module with the test model's weights, in float64 without dropout unless said.
CaptionModule tiny_module(torch::ScalarType type = torch::kFloat64,
                          const DropoutOptions& dropout = {
                              .dropout = 0, .attention_dropout = 0, .activation_dropout = 0}) {
  TinyModel model = tiny_model(11);
  CaptionModule module(model.config, dropout);
  load_into(*module, {std::move(model.weights), {.files = {}, .tensors = std::move(model.tensors)}});
  module->to(type);
  return module;
}

torch::Tensor tiny_log_mel(std::int64_t batch = 2) {
  const ModelConfig config = tiny_config();
  torch::manual_seed(5);
  return torch::randn({batch, config.mel.n_mels, num_frames(config.segment_samples(), config.mel)});
}

/// Two texts of different lengths.
TextBatch tiny_text() {
  const torch::Tensor ids =
      torch::tensor({0, 45, 17, 9, 17, 2, 0, 7, 60, 2, 1, 1}, torch::kInt64).view({2, 6});
  return {.input_ids = ids, .attention_mask = ids.ne(1).to(torch::kInt64)};
}

TEST(CaptionModule, has_the_names_of_the_reference) {
  CaptionModule module(tiny_config());
  std::set<std::string> expected, found;
  std::int64_t storages = 0;
  ModelWeights weights;
  visit_weights(weights, module->config(),
                [&](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView&) {
                  expected.insert(std::string(name) + " " + to_string(shape));
                  storages += role != WeightRole::alias;
                });
  std::set<const void*> pointers;
  const auto add = [&](const auto& entries) {
    for (const auto& entry : entries) {
      const auto sizes = entry.value().sizes();
      found.insert(entry.key() + " " +
                   to_string(Shape(std::vector<std::int64_t>(sizes.begin(), sizes.end()))));
      pointers.insert(entry.value().data_ptr());
    }
  };
  add(module->named_parameters());
  add(module->named_buffers());
  EXPECT_EQ(found, expected);
  EXPECT_EQ(static_cast<std::int64_t>(pointers.size()), storages);
}

TEST(CaptionModule, lists_every_learned_parameter_once) {
  CaptionModule module(tiny_config());
  std::int64_t count = 0;
  std::set<const void*> pointers;
  for (const auto& [name, tensor] : learned_parameters(*module)) {
    count += tensor.numel();
    EXPECT_TRUE(tensor.requires_grad()) << name;
    EXPECT_TRUE(pointers.insert(tensor.data_ptr()).second) << name;
  }
  EXPECT_EQ(count, count_parameters(module->config()));
}

TEST(CaptionModule, starts_with_random_weights) {
  CaptionModule module(tiny_config());
  const LoadedWeights expected = random_weights(tiny_config(), 0), found = weights_of(*module);
  EXPECT_EQ(max_abs_difference(found.weights.shared.values<float>(), expected.weights.shared.values<float>()),
            0.0);
  EXPECT_EQ(max_abs_difference(found.weights.mel_window.values<float>(),
                               expected.weights.mel_window.values<float>()),
            0.0);
}

TEST(CaptionModule, equals_plain_loops) {
  CaptionModule module = tiny_module();
  const TinyModel model = tiny_model(11);
  const ReferenceNetwork reference(model.config, model.weights);
  const torch::Tensor log_mel = tiny_log_mel(1);
  Matrix input(log_mel.size(1), log_mel.size(2));
  for (std::int64_t i = 0; i < log_mel.numel(); ++i)
    input.values[static_cast<std::size_t>(i)] = log_mel.data_ptr<float>()[i];
  const Matrix encoded = reference.encoder(reference.audio_encoder(input));
  const std::vector<std::int32_t> tokens = {2, 0, 45, 17, 9, 60};
  const Matrix expected = reference.decoder(tokens, encoded);

  module->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor states = module->encode(log_mel);
  const torch::Tensor ids =
      torch::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end())).unsqueeze(0);
  const torch::Tensor logits = module->decode(states, ids, torch::ones_like(ids));
  const auto compare = [](const torch::Tensor& found, const Matrix& values) {
    const torch::Tensor plain =
        torch::from_blob(const_cast<double*>(values.values.data()), found.sizes(), torch::kFloat64);
    return (found - plain).abs().max().item<double>();
  };
  EXPECT_LE(compare(states, encoded), 1e-10);
  EXPECT_LE(compare(logits, expected), 1e-10);
}

/// The loss by its definition, from logits of all positions.
LossSum plain_loss(CaptionModule module, const torch::Tensor& log_mel, const TextBatch& text,
                   double smoothing) {
  const torch::Tensor& ids = text.input_ids;
  const torch::Tensor shifted =
      torch::cat({torch::full({ids.size(0), 1}, 2, torch::kInt64), ids.slice(1, 0, -1)}, 1);
  const torch::Tensor logits = module->decode(module->encode(log_mel), shifted, text.attention_mask);
  const torch::Tensor log_p = torch::log_softmax(logits, -1);
  const torch::Tensor counted = ids.ne(1);
  const torch::Tensor nll = -log_p.gather(2, ids.unsqueeze(2)).squeeze(2);
  const torch::Tensor each = (1 - smoothing) * nll - smoothing * log_p.mean(-1);
  return {.sum = each.masked_select(counted).sum(),
          .tokens = counted.sum().item<std::int64_t>(),
          .correct = (logits.argmax(-1).eq(ids) & counted).sum().item<std::int64_t>(),
          .nll_sum = nll.masked_select(counted).sum().item<double>()};
}

void expect_equal_losses(const TextBatch& text, double smoothing) {
  CaptionModule module = tiny_module();
  const torch::Tensor log_mel = tiny_log_mel();
  const LossSum expected = plain_loss(module, log_mel, text, smoothing);
  const LossSum found = module->loss(log_mel, text, smoothing);
  EXPECT_NEAR(found.sum.item<double>(), expected.sum.item<double>(), 1e-10);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.correct, expected.correct);
  EXPECT_NEAR(found.nll_sum, expected.nll_sum, 1e-10);
  expected.sum.backward();
  std::vector<torch::Tensor> gradients;
  const auto parameters = learned_parameters(*module);
  for (const auto& [name, tensor] : parameters) {
    gradients.push_back(tensor.grad().is_sparse() ? tensor.grad().to_dense() : tensor.grad());
    tensor.mutable_grad().reset();
  }
  (found.sum * 0.5).backward();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    ASSERT_FALSE(parameters[i].tensor.grad().is_sparse()) << parameters[i].name;
    EXPECT_LE((2 * parameters[i].tensor.grad() - gradients[i]).abs().max().item<double>(), 1e-9)
        << parameters[i].name;
  }
}

TEST(CaptionModule, loss_and_gradients_by_definition) {
  expect_equal_losses(tiny_text(), 0.1);
  expect_equal_losses(tiny_text(), 0.0);
}

TEST(CaptionModule, a_text_that_contains_the_padding_token) {
  TextBatch text = tiny_text();
  text.input_ids[0][3] = 1;  // seen (its mask is 1) but not counted
  expect_equal_losses(text, 0.1);
}

TEST(CaptionModule, a_target_behind_the_mask_counts_but_is_not_seen) {
  TextBatch text = tiny_text();
  text.attention_mask[0][5] = 0;
  expect_equal_losses(text, 0.1);
}

/// Directional derivatives of every parameter against central differences.
void check_finite_differences(const DropoutOptions& dropout) {
  CaptionModule module = tiny_module(torch::kFloat64, dropout);
  module->train();
  const torch::Tensor log_mel = tiny_log_mel();
  const TextBatch text = tiny_text();
  const auto loss = [&] {
    torch::manual_seed(77);  // the same dropout each time
    return module->loss(log_mel, text, 0.1).sum;
  };
  loss().backward();
  constexpr double kStep = 1e-5;
  torch::manual_seed(1);
  for (const auto& [name, tensor] : learned_parameters(*module)) {
    const torch::NoGradGuard no_grad;
    ASSERT_TRUE(tensor.grad().defined()) << name;
    const auto generator_state = torch::randn_like(tensor);
    const torch::Tensor direction = generator_state / generator_state.norm();
    tensor.add_(direction, kStep);
    const double above = loss().item<double>();
    tensor.sub_(direction, 2 * kStep);
    const double below = loss().item<double>();
    tensor.add_(direction, kStep);
    const double expected = (above - below) / (2 * kStep);
    const double found = (tensor.grad() * direction).sum().item<double>();
    // Differences of two losses near 50 round to 50 * 2^-53 / kStep; the third derivative adds kStep^2.
    EXPECT_NEAR(found, expected, 1e-7 + 1e-6 * std::abs(expected)) << name;
    torch::manual_seed(static_cast<std::uint64_t>(tensor.numel()));
  }
}

TEST(CaptionModule, gradients_equal_finite_differences) {
  check_finite_differences({.dropout = 0, .attention_dropout = 0, .activation_dropout = 0});
}

TEST(CaptionModule, gradients_equal_finite_differences_with_dropout) {
  check_finite_differences({.dropout = 0.2, .attention_dropout = 0.3, .activation_dropout = 0.1});
}

TEST(CaptionModule, each_dropout_acts_in_training_only) {
  const torch::NoGradGuard no_grad;
  const auto value = [](CaptionModule& module) {
    torch::manual_seed(3);
    return module->loss(tiny_log_mel(), tiny_text(), 0.1).sum.item<double>();
  };
  CaptionModule plain = tiny_module();
  const double expected = value(plain);
  const std::vector<DropoutOptions> options = {
      {.dropout = 0.5, .attention_dropout = 0, .activation_dropout = 0},
      {.dropout = 0, .attention_dropout = 0.5, .activation_dropout = 0},
      {.dropout = 0, .attention_dropout = 0, .activation_dropout = 0.5}};
  for (const DropoutOptions& dropout : options) {
    CaptionModule module = tiny_module(torch::kFloat64, dropout);
    module->eval();
    EXPECT_EQ(value(module), expected);
    module->train();
    EXPECT_NE(value(module), expected);
    EXPECT_EQ(value(module), value(module));  // the generator's seed decides
  }
}

TEST(CaptionModule, company_and_padding_do_not_matter) {
  CaptionModule module = tiny_module();
  const torch::NoGradGuard no_grad;
  const torch::Tensor log_mel = tiny_log_mel();
  const TextBatch both = tiny_text();
  const double together = module->loss(log_mel, both, 0.1).sum.item<double>();
  const TextBatch first{.input_ids = both.input_ids.slice(0, 0, 1),
                        .attention_mask = both.attention_mask.slice(0, 0, 1)};
  const TextBatch second{.input_ids = both.input_ids.slice(0, 1, 2).slice(1, 0, 4),
                         .attention_mask = both.attention_mask.slice(0, 1, 2).slice(1, 0, 4)};
  const double apart = module->loss(log_mel.slice(0, 0, 1), first, 0.1).sum.item<double>() +
                       module->loss(log_mel.slice(0, 1, 2), second, 0.1).sum.item<double>();
  EXPECT_NEAR(together, apart, 1e-10);
}

TEST(CaptionModule, a_batch_of_padding_alone_is_zero_and_has_a_gradient) {
  CaptionModule module = tiny_module();
  const torch::Tensor ids = torch::ones({2, 3}, torch::kInt64);
  const LossSum loss =
      module->loss(tiny_log_mel(), {.input_ids = ids, .attention_mask = torch::zeros_like(ids)}, 0.1);
  EXPECT_EQ(loss.tokens, 0);
  EXPECT_EQ(loss.sum.item<double>(), 0.0);
  loss.sum.backward();
}

TEST(CaptionModule, refuses_wrong_input) {
  CaptionModule module(tiny_config());
  const TextBatch text = tiny_text();
  EXPECT_THAT(
      [&] {
        module->encode(torch::zeros({1, 9, 51}));
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "log-mel: expected [batch, 10, frames], found [1, 9, 51]"));
  EXPECT_THAT(
      [&] {
        module->encode(torch::zeros({1, 10, 52}));
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "expected 51 frames, found 52"));
  EXPECT_THAT([&] { module->loss(tiny_log_mel(3), text, 0.1); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected as many texts as clips (3), found 2"));
  EXPECT_THAT([&] { module->loss(tiny_log_mel(), text, 1.0); },
              ThrowsLpmc(ErrorKind::invalid_argument, "label-smoothing"));
  const torch::Tensor long_ids = torch::full({2, 21}, 4, torch::kInt64);
  EXPECT_THAT(
      [&] {
        module->loss(tiny_log_mel(), {long_ids, long_ids}, 0.1);
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "expected at most 20 a row, found 21"));
  const torch::Tensor unknown = torch::full({2, 3}, 61, torch::kInt64);
  EXPECT_THAT(
      [&] {
        module->loss(tiny_log_mel(), {unknown, unknown}, 0.1);
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "token ids: expected 0 to 60, found 61"));
  EXPECT_THAT([] { CaptionModule(tiny_config(), DropoutOptions{.dropout = 1.0}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "dropout: expected 0 <= p < 1, found 1"));
}

// Fails for torch::gelu with LibTorch 1.13 and oneDNN: there its backward pass reads the elements of a
// non-contiguous gradient in memory order.
TEST(ExactGelu, gradient_that_is_not_contiguous) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::randn({2, 48, 33}).set_requires_grad(true);
  const torch::Tensor wide = x.detach().to(torch::kFloat64).set_requires_grad(true);
  const torch::Tensor weights = torch::randn({2, 33, 48});
  (exact_gelu(x).permute({0, 2, 1}) * weights).sum().backward();
  (at::gelu(wide).permute({0, 2, 1}) * weights.to(torch::kFloat64)).sum().backward();
  EXPECT_LE((x.grad().to(torch::kFloat64) - wide.grad()).abs().max().item<double>(), 1e-5);
}

TEST(TokenLoss, many_rows_go_through_in_parts) {
  // More rows than exist at a time (512), in float32 and against float64.
  torch::manual_seed(8);
  const torch::Tensor hidden = torch::randn({1100, 24}).set_requires_grad(true);
  const torch::Tensor weight = torch::randn({3000, 24}).set_requires_grad(true);
  const torch::Tensor bias = torch::randn({1, 3000});
  const torch::Tensor targets = torch::randint(0, 3000, {1100}, torch::kInt64);
  const TokenLoss found = label_smoothed_loss(hidden, {weight, bias}, targets, 0.1);
  found.sum.backward();
  const torch::Tensor h = hidden.detach().to(torch::kFloat64).set_requires_grad(true);
  const torch::Tensor w = weight.detach().to(torch::kFloat64).set_requires_grad(true);
  const torch::Tensor logits = torch::mm(h, w.t()) + bias;
  const torch::Tensor expected = torch::nn::functional::cross_entropy(
      logits, targets,
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(0.1).reduction(torch::kSum));
  expected.backward();
  EXPECT_NEAR(found.sum.item<double>() / expected.item<double>(), 1.0, 1e-6);
  EXPECT_EQ(found.correct, logits.argmax(1).eq(targets).sum().item<std::int64_t>());
  EXPECT_LE((hidden.grad() - h.grad()).abs().max().item<double>(), 1e-5);
  EXPECT_LE((weight.grad() - w.grad()).abs().max().item<double>(), 1e-4);
  EXPECT_THROW(found.sum.backward(), std::exception);
}

}  // namespace
}  // namespace lpmc::test
