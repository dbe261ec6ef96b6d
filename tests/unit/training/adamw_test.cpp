#include "lpmc/training/adamw.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace lpmc::test {
namespace {

/// Three parameters of odd sizes, in one type; equal seeds give equal values.
std::vector<NamedTorchTensor> parameters(torch::ScalarType type, std::uint64_t seed = 3) {
  torch::manual_seed(seed);
  std::vector<NamedTorchTensor> list;
  for (const std::int64_t size : {5, 70001, 1})
    list.push_back({"p" + std::to_string(size), torch::randn({size}, type).set_requires_grad(true)});
  return list;
}

void set_gradients(const std::vector<NamedTorchTensor>& list, std::uint64_t seed) {
  torch::manual_seed(seed);
  for (const auto& [name, tensor] : list)
    tensor.mutable_grad() = torch::randn_like(tensor.detach());
}

double worst_difference(const std::vector<NamedTorchTensor>& a, const std::vector<NamedTorchTensor>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, (a[i].tensor - b[i].tensor).abs().max().item<double>());
  return worst;
}

void matches_torch(torch::ScalarType type, double tolerance) {
  const auto ours = parameters(type), theirs = parameters(type);
  AdamW optimizer(ours, {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.1});
  std::vector<torch::Tensor> tensors;
  for (const auto& parameter : theirs)
    tensors.push_back(parameter.tensor);
  torch::optim::AdamW reference(
      tensors,
      torch::optim::AdamWOptions(1e-3).betas(std::make_tuple(0.8, 0.99)).eps(1e-6).weight_decay(0.1));
  for (std::uint64_t step = 0; step < 7; ++step) {
    set_gradients(ours, 100 + step);
    set_gradients(theirs, 100 + step);
    optimizer.step(1e-3);
    reference.step();
    ASSERT_LE(worst_difference(ours, theirs), tolerance) << "step " << step;
  }
  EXPECT_EQ(optimizer.steps(), 7);
}

// Values are below 8 and seven updates of a few operations each round to 2^-24 of them.
TEST(AdamW, equals_torch_in_float32) {
  matches_torch(torch::kFloat32, 8 * 0x1p-24 * 7 * 2);
}

TEST(AdamW, equals_torch_in_float64) {
  matches_torch(torch::kFloat64, 1e-14);
}

TEST(AdamW, one_pass_equals_torch_operations) {
  // A gradient that is not contiguous is made so; a parameter that is not goes the other way.
  const auto base = parameters(torch::kFloat32)[1].tensor.detach();
  auto plain = base.clone().view({1, 70001}).set_requires_grad(true);
  auto strided = torch::zeros({70001, 2}).select(1, 0).copy_(base).view({1, 70001}).set_requires_grad(true);
  ASSERT_FALSE(strided.is_contiguous());
  AdamW one({{"w", plain}}, {}), other({{"w", strided}}, {});
  for (int step = 0; step < 3; ++step) {
    torch::manual_seed(static_cast<std::uint64_t>(step));
    const torch::Tensor gradient = torch::randn({1, 70001});
    plain.mutable_grad() = gradient.clone();
    strided.mutable_grad() = gradient.clone();
    one.step(1e-2);
    other.step(1e-2);
  }
  EXPECT_LE((plain - strided).abs().max().item<double>(), 1e-6);
}

TEST(AdamW, leaves_parameters_without_gradient_alone) {
  const auto list = parameters(torch::kFloat32);
  const torch::Tensor before = list[0].tensor.detach().clone();
  AdamW optimizer(list, {});
  set_gradients(list, 1);
  list[0].tensor.mutable_grad().reset();
  optimizer.step(1e-2);
  EXPECT_TRUE(list[0].tensor.detach().equal(before));
  EXPECT_EQ(optimizer.state()[0].tensor.abs().max().item<float>(), 0.0F);
  optimizer.zero_grad();
  for (const auto& parameter : list)
    EXPECT_FALSE(parameter.tensor.grad().defined());
}

TEST(AdamW, restored_goes_on_bit_for_bit) {
  const auto whole = parameters(torch::kFloat32), first = parameters(torch::kFloat32);
  AdamW never_stopped(whole, {}), stopped(first, {});
  const auto step = [](AdamW& optimizer, const std::vector<NamedTorchTensor>& list, std::uint64_t number) {
    set_gradients(list, number);
    optimizer.step(1e-2);
  };
  for (std::uint64_t i = 0; i < 4; ++i)
    step(never_stopped, whole, i);
  for (std::uint64_t i = 0; i < 2; ++i)
    step(stopped, first, i);
  AdamW resumed(first, {});
  auto state = stopped.state();
  std::swap(state.front(), state.back());
  resumed.restore(stopped.steps(), state);
  for (std::uint64_t i = 2; i < 4; ++i)
    step(resumed, first, i);
  EXPECT_EQ(worst_difference(whole, first), 0.0);
  EXPECT_EQ(resumed.state()[1].name, "exp_avg_sq.p5");
}

TEST(AdamW, refuses_what_makes_no_sense) {
  const auto list = parameters(torch::kFloat32);
  EXPECT_THAT(
      [&] {
        AdamW({list[0], {"other", list[0].tensor}}, {});
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "other: shares its memory"));
  EXPECT_THAT(
      [&] {
        AdamW({list[0], {"p5", list[1].tensor}}, {});
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "p5: listed twice"));
  EXPECT_THAT([&] { AdamW(list, {.beta2 = 1.0}); }, ThrowsLpmc(ErrorKind::invalid_argument, "beta2"));
  EXPECT_THAT([&] { AdamW(list, {.weight_decay = -1}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "weight-decay"));
}

TEST(AdamW, refuses_a_state_that_is_not_its_own) {
  AdamW optimizer(parameters(torch::kFloat32), {});
  const auto restore = [&](auto&& change) {
    auto state = AdamW(parameters(torch::kFloat32), {}).state();
    change(state);
    optimizer.restore(1, state);
  };
  EXPECT_THAT([&] { restore([](auto& s) { s.pop_back(); }); },
              ThrowsLpmc(ErrorKind::corrupt, "exp_avg_sq.p1: expected [1], found no such tensor"));
  EXPECT_THAT([&] { restore([](auto& s) { s[0].tensor = torch::zeros({6}); }); },
              ThrowsLpmc(ErrorKind::corrupt, "exp_avg.p5: expected [5], found [6]"));
  EXPECT_THAT([&] { restore([](auto& s) {
                      s.push_back({"exp_avg.x", torch::zeros({1})});
                    }); },
              ThrowsLpmc(ErrorKind::corrupt, "exp_avg.x: expected no such tensor"));
  EXPECT_EQ(optimizer.steps(), 0);
}

TEST(ClipGradNorm, as_torch) {
  const auto list = parameters(torch::kFloat32), reference = parameters(torch::kFloat32);
  for (const double max_norm : {1e6, 1.0}) {
    set_gradients(list, 9);
    set_gradients(reference, 9);
    std::vector<torch::Tensor> tensors;
    for (const auto& parameter : reference)
      tensors.push_back(parameter.tensor);
    const double expected = torch::nn::utils::clip_grad_norm_(tensors, max_norm);
    EXPECT_NEAR(clip_grad_norm(list, max_norm), expected, expected * 1e-6);
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_LE((list[i].tensor.grad() - reference[i].tensor.grad()).abs().max().item<double>(), 1e-6);
    }
  }
}

TEST(ClipGradNorm, measures_without_scaling_and_shows_nan) {
  const auto list = parameters(torch::kFloat32);
  EXPECT_EQ(clip_grad_norm(list, 1.0), 0.0);
  set_gradients(list, 9);
  const double norm = clip_grad_norm(list, 0);
  EXPECT_GT(norm, 1.0);
  EXPECT_EQ(clip_grad_norm(list, 0), norm);
  list[1].tensor.mutable_grad()[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(clip_grad_norm(list, 1.0)));
}

}  // namespace
}  // namespace lpmc::test
