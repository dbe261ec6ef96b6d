// The training module against the reference implementation's numbers, with oneDNN on, as users run it.

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/audio/log_mel.h"
#include "lpmc/model/config.h"
#include "lpmc/training/adamw.h"
#include "lpmc/training/caption_module.h"
#include "lpmc/training/weights_io.h"

#include "tests/golden/whole_network.h"
#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/npy.h"

namespace lpmc::test {
namespace {

constexpr DropoutOptions kNoDropout{.dropout = 0, .attention_dropout = 0, .activation_dropout = 0};

std::filesystem::path model_file(const std::string& name) {
  return *fixtures() / "model" / name;
}

ModelConfig tiny_model_config() {
  const std::string file = model_file("tiny_config.json").string();
  return model_config_from_json(nlohmann::json::parse(read_file(file)), file);
}

CaptionModule golden_module(const std::string& checkpoint = "tiny.pth") {
  CaptionModule module(tiny_model_config(), kNoDropout);
  load_into(*module, load_weights(TensorFile::open(model_file(checkpoint)), module->config()));
  module->train();
  return module;
}

torch::Tensor to_torch(const Tensor& tensor) {
  const auto sizes = tensor.shape().sizes();
  const auto type = tensor.dtype() == DType::f32 ? torch::kFloat32 : torch::kInt64;
  return torch::from_blob(const_cast<std::byte*>(tensor.view().bytes()),
                          std::vector<std::int64_t>(sizes.begin(), sizes.end()), type)
      .clone();
}

/// The two clips of fixtures/README.md through our front end.
torch::Tensor golden_log_mel(const ModelConfig& config) {
  const Tensor synth = read_npy(model_file("synth_10s_f32.npy"));
  Tensor waveforms({2, config.segment_samples()});
  const auto first = synth.values<float>();
  std::copy(first.begin(), first.end(), waveforms.mutable_data<float>());
  copy_int16_clip(read_npy(model_file("orchestra_first10s_int16.npy")), waveforms.mutable_view()[1]);
  return to_torch(LogMel(config.mel).forward(waveforms));
}

TextBatch golden_text() {
  const torch::Tensor ids =
      torch::tensor({0, 45, 17, 99, 17, 150, 23, 88, 5, 2, 0, 7, 120, 64, 33, 2, 1, 1, 1, 1}, torch::kInt64)
          .view({2, 10});
  return {.input_ids = ids, .attention_mask = ids.ne(1).to(torch::kInt64)};
}

const nlohmann::json& golden() {
  static const nlohmann::json json = nlohmann::json::parse(read_file(model_file("golden.json")));
  return json;
}

double mean_loss(CaptionModule& module, const torch::Tensor& log_mel, double smoothing) {
  const torch::NoGradGuard no_grad;
  const LossSum loss = module->loss(log_mel, golden_text(), smoothing);
  return loss.sum.item<double>() / static_cast<double>(loss.tokens);
}

bool is_reproducible(const std::string& name) {
  return !name.ends_with("k_proj.bias");  // analytically zero: what is left is rounding (MODEL.md 9)
}

double relative_difference(double found, double expected) {
  return std::abs(found - expected) / std::abs(expected);
}

TEST(TrainingGolden, loss_gradients_and_one_step) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  ASSERT_TRUE(at::globalContext().userEnabledMkldnn());
  CaptionModule module = golden_module();
  const torch::Tensor log_mel = golden_log_mel(module->config());
  EXPECT_NEAR(mean_loss(module, log_mel, 0.0), golden()["loss_ls0.0"].get<double>(), 1e-5);
  const LossSum loss = module->loss(log_mel, golden_text(), 0.1);
  ASSERT_EQ(loss.tokens, 16);
  const torch::Tensor mean = loss.sum / loss.tokens;
  const double expected_loss = golden()["loss_ls0.1_float64"].get<double>();
  EXPECT_NEAR(mean.item<double>(), expected_loss, 1e-5);
  RecordProperty("loss", std::to_string(std::abs(mean.item<double>() - expected_loss)));
  mean.backward();

  const auto parameters = learned_parameters(*module);
  const nlohmann::json& norms = golden()["grad_l2_float64"];
  ASSERT_EQ(norms.size(), parameters.size());
  double worst = 0;
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : parameters) {
    before.emplace(name, tensor.detach().clone());
    const double found = tensor.grad().norm().item<double>();
    if (!is_reproducible(name)) {
      EXPECT_LE(found, 1e-6) << name;
      continue;
    }
    const double difference = relative_difference(found, norms.at(name).get<double>());
    EXPECT_LE(difference, 1e-3) << name;
    worst = std::max(worst, difference);
  }
  RecordProperty("gradient_norms", std::to_string(worst));

  AdamW optimizer(parameters, {});
  optimizer.step(1e-4);
  for (const auto& [name, tensor] : parameters) {
    const double norm = tensor.norm().item<double>();
    const double change = (tensor.detach() - before.at(name)).norm().item<double>();
    if (!is_reproducible(name)) {
      EXPECT_LE(change, 1.01e-4 * std::sqrt(static_cast<double>(tensor.numel()))) << name;
      continue;
    }
    EXPECT_LE(relative_difference(norm, golden()["param_l2_after_adamw1_float64"][name].get<double>()), 1e-5)
        << name;
    // Where a gradient is small beside eps, its update follows the gradient's own rounding.
    EXPECT_LE(relative_difference(change, golden()["param_delta_l2_adamw1_float64"][name].get<double>()),
              1e-2)
        << name;
  }
  const double after = mean_loss(module, log_mel, 0.1);
  const double expected_after = golden()["loss_after_adamw1_float64"].get<double>();
  EXPECT_NEAR(after, expected_after, 1e-5);
  RecordProperty("loss_after", std::to_string(std::abs(after - expected_after)));
}

TEST(TrainingGolden, whole_gradients_and_weights) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  CaptionModule module = golden_module();
  const LossSum loss = module->loss(golden_log_mel(module->config()), golden_text(), 0.1);
  (loss.sum / loss.tokens).backward();
  const auto parameters = learned_parameters(*module);
  std::map<std::string, torch::Tensor> found;
  for (const auto& [name, tensor] : parameters)
    found["grad::" + name] = tensor.grad().clone();
  AdamW(parameters, {}).step(1e-4);
  for (const auto& [name, tensor] : parameters)
    found["after::" + name] = tensor.detach();
  const auto arrays = read_npz(model_file("grads.npz"));
  EXPECT_GE(arrays.size(), 9U);
  for (const auto& [name, array] : arrays) {
    const torch::Tensor expected = to_torch(array);
    const double scale = expected.norm().item<double>();
    EXPECT_LE((found.at(name) - expected).norm().item<double>(), 1e-3 * scale) << name;
  }
}

TEST(TrainingGolden, names_and_shapes_of_both_sizes) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  for (const bool full : {false, true}) {
    const auto entries =
        nlohmann::json::parse(read_file(model_file(full ? "state_dict_full.json" : "state_dict_tiny.json")));
    std::set<std::string> expected, found;
    for (const auto& entry : entries)
      expected.insert(entry.at("key").get<std::string>() + " " + entry.at("shape").dump());
    CaptionModule module(full ? ModelConfig{} : tiny_model_config());
    const auto add = [&](const auto& tensors) {
      for (const auto& tensor : tensors)
        found.insert(tensor.key() + " " + nlohmann::json(tensor.value().sizes().vec()).dump());
    };
    add(module->named_parameters());
    add(module->named_buffers());
    EXPECT_EQ(found, expected);
    EXPECT_EQ(found.size(), full ? 278U : 110U);
  }
}

/// Largest difference between the module's logits and those of lpmc's inference, clip by clip.
double worst_logit_difference(const Model& model, const torch::Tensor& log_mel,
                              const std::vector<std::int64_t>& tokens) {
  CaptionModule module(model.config, kNoDropout);
  load_into(*module, model.weights);
  const torch::NoGradGuard no_grad;
  const torch::Tensor ids = torch::tensor(tokens).unsqueeze(0).repeat({log_mel.size(0), 1});
  const torch::Tensor logits =
      module->decode(module->encode(log_mel), ids, torch::ones_like(ids)).contiguous();

  const ModelWeights& weights = model.weights.weights;
  const Shape shape{log_mel.size(0), log_mel.size(1), log_mel.size(2)};
  const BartDecoder decoder(model.config, weights);
  KvCache cache;
  decoder.add_segments(
      cache,
      BartEncoder(model.config, weights)
          .forward(
              AudioEncoder(model.config, weights).forward({log_mel.data_ptr<float>(), DType::f32, shape})));
  std::vector<std::int32_t> parents, step(static_cast<std::size_t>(log_mel.size(0)));
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(step.size()); ++row)
    parents.push_back(row);
  double worst = 0;
  for (std::size_t position = 0; position < tokens.size(); ++position) {
    std::fill(step.begin(), step.end(), static_cast<std::int32_t>(tokens[position]));
    const Tensor expected = Tensor::copy_of(decoder.step(cache, parents, step));
    const torch::Tensor found = logits.select(1, static_cast<std::int64_t>(position));
    worst = std::max(worst, (found - to_torch(expected)).abs().max().item<double>());
  }
  return worst;
}

TEST(TrainingGolden, same_logits_as_inference) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const std::vector<std::int64_t> tokens = {2, 0, 30, 31, 176, 20, 21, 22, 86, 40, 41};
  for (const std::string checkpoint : {"tiny.pth", "trained_tiny.pth"}) {
    Model model;
    model.config = tiny_model_config();
    model.weights = load_weights(TensorFile::open(model_file(checkpoint)), model.config);
    const double worst = worst_logit_difference(model, golden_log_mel(model.config), tokens);
    EXPECT_LE(worst, 1e-4) << checkpoint;
    RecordProperty(checkpoint, std::to_string(worst));
  }
}

TEST(TrainingGolden, same_logits_as_inference_for_a_real_model) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const auto folder = shared_path("models/v0");
  if (!folder) GTEST_SKIP() << "models/v0 is not beside the fixtures";
  const Model model = open_model(find_model((*folder / "model.pth").string(), *folder));
  const double worst =
      worst_logit_difference(model, golden_log_mel(model.config), {2, 0, 133, 214, 16, 10, 14, 9});
  EXPECT_LE(worst, 1e-4);
  RecordProperty("v0", std::to_string(worst));
}

}  // namespace
}  // namespace lpmc::test
