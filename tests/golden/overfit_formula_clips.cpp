// Trains the tiny network on 20 clips that formulas make (fixtures/README.md) until it knows their texts,
// and saves it as a model folder. scripts/check_overfit.sh captions the clips with it.
//
// usage: overfit_formula_clips FIXTURES OUT [ACCURACY [MAX_STEPS]]
// Writes OUT/model.safetensors, OUT/config.json and OUT/clip_NN.wav; exit status 1 when ACCURACY
// (teacher-forced, default 0.98) is not reached in MAX_STEPS (default 3000).

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "lpmc/audio/log_mel.h"
#include "lpmc/base/error.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/training/adamw.h"
#include "lpmc/training/caption_module.h"

namespace {

constexpr int kClips = 20;
constexpr double kPi = std::numbers::pi;

std::vector<float> formula_clip(int k, const lpmc::ModelConfig& config) {
  std::vector<float> clip(static_cast<std::size_t>(config.segment_samples()));
  const double f = 110.0 * std::pow(2.0, 0.27 * k);
  for (std::size_t n = 0; n < clip.size(); ++n) {
    const double t = static_cast<double>(n) / config.mel.sample_rate;
    const double tone = 0.30 * std::sin(2 * kPi * f * t) +
                        0.15 * std::sin(2 * kPi * (2 + 0.1 * (k % 5)) * f * t + 0.3) +
                        0.08 * std::sin(2 * kPi * (50 + 30 * k + 40 * t) * t);
    clip[n] = static_cast<float>(tone * (0.55 + 0.45 * std::sin(2 * kPi * (0.5 + 0.37 * (k % 7)) * t)));
  }
  return clip;
}

/// WAVE of float32, so that the program reads what the network was trained on.
void write_wav(const std::filesystem::path& path, const std::vector<float>& samples, std::uint32_t rate) {
  const auto bytes = static_cast<std::uint32_t>(samples.size() * sizeof(float));
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](auto value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
  file << "RIFF";
  put(36 + bytes);
  file << "WAVEfmt ";
  put(std::uint32_t{16});
  put(std::uint16_t{3});  // IEEE float
  put(std::uint16_t{1});
  put(rate);
  put(rate * 4);
  put(std::uint16_t{4});
  put(std::uint16_t{32});
  file << "data";
  put(bytes);
  file.write(reinterpret_cast<const char*>(samples.data()), bytes);
}

/// Fills a batch from the golden texts, padded to the longest.
lpmc::TextBatch golden_texts(const nlohmann::json& golden, const lpmc::ModelConfig& config) {
  const auto texts = golden.at("text").get<std::vector<std::vector<std::int64_t>>>();
  std::size_t longest = 0;
  for (const auto& text : texts)
    longest = std::max(longest, text.size());
  const torch::Tensor ids =
      torch::full({kClips, static_cast<std::int64_t>(longest)}, config.pad_token_id, torch::kInt64);
  for (std::size_t i = 0; i < kClips; ++i) {
    for (std::size_t t = 0; t < texts.at(i).size(); ++t)
      ids[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(t)] = texts[i][t];
  }
  return {.input_ids = ids, .attention_mask = ids.ne(config.pad_token_id).to(torch::kInt64)};
}

torch::Tensor log_mel_of_clips(const lpmc::ModelConfig& config, const std::filesystem::path& out) {
  const std::int64_t samples = config.segment_samples();
  lpmc::Tensor waveforms({kClips, samples});
  for (int k = 0; k < kClips; ++k) {
    const std::vector<float> clip = formula_clip(k, config);
    std::copy(clip.begin(), clip.end(), waveforms.mutable_data<float>() + k * samples);
    char name[16];
    std::snprintf(name, sizeof name, "clip_%02d.wav", k);
    write_wav(out / name, clip, static_cast<std::uint32_t>(config.mel.sample_rate));
  }
  const lpmc::Tensor mel = lpmc::LogMel(config.mel).forward(waveforms);
  return torch::from_blob(const_cast<float*>(mel.data<float>()), {kClips, mel.size(1), mel.size(2)},
                          torch::kFloat32)
      .clone();
}

double accuracy(lpmc::CaptionModule& module, const torch::Tensor& log_mel, const lpmc::TextBatch& text) {
  const torch::NoGradGuard no_grad;
  module->eval();
  const lpmc::LossSum loss = module->loss(log_mel, text, 0.1);
  module->train();
  return static_cast<double>(loss.correct) / static_cast<double>(loss.tokens);
}

int run(const std::filesystem::path& fixtures, const std::filesystem::path& out, double wanted,
        int max_steps) {
  const auto config_file = fixtures / "model/tiny_config.json";
  nlohmann::json config_json = lpmc::read_json_file(config_file);
  const lpmc::ModelConfig config = lpmc::model_config_from_json(config_json, config_file.string());
  std::filesystem::create_directories(out);
  const torch::Tensor log_mel = log_mel_of_clips(config, out);
  const lpmc::TextBatch text =
      golden_texts(lpmc::read_json_file(fixtures / "model/trained_golden.json"), config);
  torch::manual_seed(1);
  lpmc::CaptionModule module(
      config, lpmc::DropoutOptions{.dropout = 0, .attention_dropout = 0, .activation_dropout = 0});
  module->train();
  lpmc::AdamW optimizer(lpmc::learned_parameters(*module), {});
  const auto start = std::chrono::steady_clock::now();
  double found = 0;
  int step = 0;
  while (found < wanted && step < max_steps) {
    optimizer.zero_grad();
    const lpmc::LossSum loss = module->loss(log_mel, text, 0.1);
    (loss.sum / loss.tokens).backward();
    optimizer.step(1e-3 * std::min(1.0, (step + 1) / 50.0));
    if (++step % 20 != 0) continue;
    found = accuracy(module, log_mel, text);
    std::fprintf(stderr, "step %d: loss %.4f, accuracy %.4f\n", step,
                 loss.sum.item<double>() / static_cast<double>(loss.tokens), found);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  lpmc::save_weights(out / "model.safetensors", config, lpmc::weights_of(*module), lpmc::DType::f32);
  std::ofstream(out / "config.json") << lpmc::model_config_to_json(config, "float32").dump(1) << '\n';
  std::printf("%d steps in %.0f s, teacher-forced accuracy %.4f\n", step, seconds, found);
  return found >= wanted ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: overfit_formula_clips FIXTURES OUT [ACCURACY [MAX_STEPS]]\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], argc > 3 ? std::stod(argv[3]) : 0.98, argc > 4 ? std::stoi(argv[4]) : 3000);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "overfit_formula_clips: %s\n", error.what());
    return 1;
  }
}
