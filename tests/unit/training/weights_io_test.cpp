#include "lpmc/training/weights_io.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/model/model_dir.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/program.h"
#include "tests/support/tiny_model.h"

namespace lpmc::test {
namespace {

LoadedWeights tiny_weights(std::uint32_t seed, DType dtype = DType::f32,
                           const ModelConfig& config = tiny_config()) {
  TinyModel model = tiny_model(seed, dtype, config);
  return {std::move(model.weights), {.files = {}, .tensors = std::move(model.tensors)}};
}

/// Largest difference of any entry of two models.
double difference(const LoadedWeights& a, const LoadedWeights& b) {
  std::vector<ConstTensorView> fields;
  ModelWeights first = a.weights, second = b.weights;
  visit_weights(first, tiny_config(),
                [&](std::string_view, const Shape&, WeightRole, ConstTensorView& f) { fields.push_back(f); });
  double worst = 0;
  std::size_t i = 0;
  visit_weights(second, tiny_config(), [&](std::string_view, const Shape&, WeightRole, ConstTensorView& f) {
    worst = std::max(worst, max_abs_difference(fields[i++].values<float>(), f.values<float>()));
  });
  return worst;
}

void write_folder(const std::filesystem::path& folder, const ModelConfig& config,
                  const LoadedWeights& weights) {
  std::filesystem::create_directories(folder);
  save_weights(folder / "model.safetensors", config, weights, DType::f32);
  std::ofstream(folder / "config.json") << model_config_to_json(config, "float32").dump();
}

TEST(WeightsIo, round_trip) {
  CaptionModule module(tiny_config());
  const LoadedWeights weights = tiny_weights(4);
  load_into(*module, weights);
  EXPECT_EQ(difference(weights_of(*module), weights), 0.0);
}

TEST(WeightsIo, copies_follow_the_type_of_the_module) {
  CaptionModule module(tiny_config());
  const LoadedWeights weights = tiny_weights(4);
  module->to(torch::kFloat64);
  load_into(*module, weights);
  EXPECT_EQ(difference(weights_of(*module), weights), 0.0);
  load_into(*module, tiny_weights(4, DType::bf16));
  const double rounding = difference(weights_of(*module), weights);
  EXPECT_GT(rounding, 0.0);
  EXPECT_LE(rounding, 0x1p-7);
}

TEST(WeightsIo, refuses_weights_of_another_shape) {
  ModelConfig other = tiny_config();
  other.vocab_size = 62;
  CaptionModule module(tiny_config());
  EXPECT_THAT([&] { load_into(*module, tiny_weights(4, DType::f32, other)); },
              ThrowsLpmc(ErrorKind::corrupt, "bart.final_logits_bias: expected [1, 61], found [1, 62]"));
}

TEST(LoadInit, our_folder_also_in_int8) {
  const TemporaryFolder temporary;
  const LoadedWeights weights = tiny_weights(4);
  write_folder(temporary / "run", tiny_config(), weights);
  CaptionModule module(tiny_config());
  load_init(*module, (temporary / "run").string());
  EXPECT_EQ(difference(weights_of(*module), weights), 0.0);
  save_weights(temporary / "run" / "model.safetensors", tiny_config(), weights, DType::i8);
  load_init(*module, (temporary / "run").string());
  const double rounding = difference(weights_of(*module), weights);
  EXPECT_GT(rounding, 0.0);
  EXPECT_LE(rounding, 0.02);  // rows within about 2, in 127 steps, halved
}

TEST(LoadInit, a_checkpoint_of_the_original_without_config) {
  const TemporaryFolder temporary;
  const LoadedWeights weights = tiny_weights(4);
  export_pth(temporary / "pretrain.pth", tiny_config(), weights, 7);
  CaptionModule module(tiny_config());
  load_init(*module, (temporary / "pretrain.pth").string());
  EXPECT_EQ(difference(weights_of(*module), weights), 0.0);
}

TEST(LoadInit, names_the_first_difference) {
  const TemporaryFolder temporary;
  CaptionModule module(tiny_config());
  ModelConfig other = tiny_config();
  other.vocab_size = 62;
  export_pth(temporary / "other.pth", other, tiny_weights(4, DType::f32, other), 0);
  EXPECT_THAT(
      [&] { load_init(*module, (temporary / "other.pth").string()); },
      ThrowsLpmc(ErrorKind::corrupt, "other.pth: bart.final_logits_bias: expected [1, 61], found [1, 62]"));
  other = tiny_config();
  other.encoder_layers = 3;
  export_pth(temporary / "deep.pth", other, tiny_weights(4, DType::f32, other), 0);
  EXPECT_THAT([&] { load_init(*module, (temporary / "deep.pth").string()); },
              ThrowsLpmc(ErrorKind::corrupt, "bart.model.encoder.layers.2."));
  other = tiny_config();
  other.encoder_attention_heads = 2;  // no tensor shows it
  write_folder(temporary / "heads", other, tiny_weights(4, DType::f32, other));
  EXPECT_THAT(
      [&] { load_init(*module, (temporary / "heads").string()); },
      ThrowsLpmc(ErrorKind::invalid_argument, "config.json: encoder_attention_heads: expected 3, found 2"));
  EXPECT_THAT([&] { load_init(*module, (temporary / "none").string()); },
              ThrowsLpmc(ErrorKind::not_found, "none"));
}

// As the original loads it: names, shapes, tied storages, and an epoch.
TEST(WeightsIo, the_pth_loads_in_python) {
  const std::string python = system_python();
  if (python.empty() || run_program({python, "-c", "import torch"}).exit_code != 0) {
    GTEST_SKIP() << "no Python with torch here";
  }
  const TemporaryFolder temporary;
  CaptionModule module(tiny_config());
  load_into(*module, tiny_weights(4));
  export_pth(temporary / "last.pth", tiny_config(), weights_of(*module), 12);
  nlohmann::json expected = nlohmann::json::object();
  const auto add = [&](const auto& tensors) {
    for (const auto& tensor : tensors) {
      expected[tensor.key()] = {tensor.value().sizes().vec(),
                                tensor.value().detach().to(torch::kFloat64).sum().template item<double>()};
    }
  };
  add(module->named_parameters());
  add(module->named_buffers());
  std::ofstream(temporary / "expected.json") << expected.dump();
  const std::string script = R"(
import json, sys, torch
checkpoint = torch.load(sys.argv[1], map_location="cpu")
expected = json.load(open(sys.argv[2]))
state = checkpoint["state_dict"]
assert checkpoint["epoch"] == 12, checkpoint["epoch"]
assert set(state) == set(expected), set(state) ^ set(expected)
for name, (shape, total) in expected.items():
    assert list(state[name].shape) == shape, name
    assert abs(state[name].double().sum().item() - total) < 1e-9 * (1 + abs(total)), name
shared = "bart.model.shared.weight"
for name in ("bart.model.encoder.embed_tokens.weight", "bart.model.decoder.embed_tokens.weight",
             "bart.lm_head.weight"):
    assert state[name].data_ptr() == state[shared].data_ptr(), name
)";
  const auto result = run_program(
      {python, "-c", script, (temporary / "last.pth").string(), (temporary / "expected.json").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

}  // namespace
}  // namespace lpmc::test
