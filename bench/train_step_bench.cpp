// One training step (forward, backward, AdamW) at a model's size, for reading beside the original's own:
// scripts/compare_train_step.sh. Prints one JSON object.
//
// usage: train_step_bench [--preset bart-base] [--batch 8] [--length 64] [--steps 5] [--shortest 0.5]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <torch/torch.h>

#include "lpmc/training/adamw.h"
#include "lpmc/training/caption_module.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Texts from `shortest` * length to length tokens, evenly; the same rule as in compare_train_step.py.
lpmc::TextBatch texts(const lpmc::ModelConfig& config, std::int64_t batch, std::int64_t length,
                      double shortest) {
  const torch::Tensor ids = torch::full({batch, length}, config.pad_token_id, torch::kInt64);
  for (std::int64_t item = 0; item < batch; ++item) {
    const double share = batch > 1 ? static_cast<double>(item) / static_cast<double>(batch - 1) : 1.0;
    const auto tokens =
        static_cast<std::int64_t>(static_cast<double>(length) * (shortest + (1 - shortest) * share));
    for (std::int64_t t = 0; t < tokens; ++t)
      ids[item][t] = 4 + (item * 7919 + t * 104729) % (config.vocab_size - 5);
    ids[item][0] = config.bos_token_id;
    ids[item][tokens - 1] = config.eos_token_id;
  }
  return {.input_ids = ids, .attention_mask = ids.ne(config.pad_token_id).to(torch::kInt64)};
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"--preset", "bart-base"},
                                                {"--batch", "8"},
                                                {"--length", "64"},
                                                {"--steps", "5"},
                                                {"--shortest", "0.5"}};
  for (int i = 1; i + 1 < argc; i += 2)
    options[argv[i]] = argv[i + 1];
  const lpmc::ModelConfig config = lpmc::preset_config(options["--preset"]);
  const std::int64_t batch = std::stoll(options["--batch"]);
  lpmc::CaptionModule module(config);
  module->train();
  torch::manual_seed(1);
  const auto parameters = lpmc::learned_parameters(*module);
  lpmc::AdamW optimizer(parameters, {});
  const std::int64_t frames = lpmc::num_frames(config.segment_samples(), config.mel);
  const torch::Tensor log_mel = torch::randn({batch, config.mel.n_mels, frames}) * 10 - 30;
  const lpmc::TextBatch text =
      texts(config, batch, std::stoll(options["--length"]), std::stod(options["--shortest"]));

  std::vector<double> forward_s, backward_s, optimizer_s, step_s;
  const int steps = std::stoi(options["--steps"]);
  for (int step = 0; step <= steps; ++step) {  // the first warms up
    const auto start = Clock::now();
    optimizer.zero_grad();
    const lpmc::LossSum loss = module->loss(log_mel, text, 0.1);
    const double forward = seconds_since(start);
    (loss.sum / loss.tokens).backward();
    const double backward = seconds_since(start);
    optimizer.step(1e-4);
    const double all = seconds_since(start);
    std::fprintf(stderr, "step %d: loss %.4f, %.3f s\n", step,
                 loss.sum.item<double>() / static_cast<double>(loss.tokens), all);
    if (step == 0) continue;
    forward_s.push_back(forward);
    backward_s.push_back(backward - forward);
    optimizer_s.push_back(all - backward);
    step_s.push_back(all);
  }
  const auto median = [](std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"step_s\": %.4f, \"forward_s\": %.4f, \"backward_s\": %.4f, \"optimizer_s\": %.4f, "
      "\"fastest_step_s\": %.4f, \"peak_rss_mib\": %ld, \"threads\": %d}\n",
      median(step_s), median(forward_s), median(backward_s), median(optimizer_s),
      *std::min_element(step_s.begin(), step_s.end()), usage.ru_maxrss / 1024, at::get_num_threads());
}
