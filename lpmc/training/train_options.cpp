#include "lpmc/training/train_options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

constexpr std::int64_t kBalancedEpoch = 1 << 13;  // the original's length of its balanced data set

void require_one_of(std::string_view name, std::string_view value, std::initializer_list<const char*> known) {
  const bool is_known = std::find(known.begin(), known.end(), value) != known.end();
  if (is_known) return;
  std::string list;
  for (const char* each : known)
    list += (list.empty() ? "" : ", ") + std::string(each);
  fail(ErrorKind::invalid_argument, "--{}: expected {}, found '{}'", name, list, value);
}

template <class T>
void require_range(std::string_view name, T value, T low, T high) {
  LPMC_REQUIRE(value >= low && value <= high, invalid_argument, "--{}: expected {} to {}, found {}", name,
               low, high, value);
}

/// Facts: paper section 5.2; the repository's readme and the hparams.yaml beside its published weights.
void apply_paper(TrainOptions& o) {
  o.min_lr = 0;
  o.warmup_updates = 1000;
  if (o.framework == "pretrain") {
    o.batch_size = 256;
    o.updates = 32768;
    o.max_length = 110;
  }
}

void apply_repo(TrainOptions& o) {
  o.min_lr = 1e-9;
  o.warmup_updates = 0;
  o.warmup_epochs = o.framework == "transfer" ? 20 : 1;
  if (o.framework == "pretrain") {
    o.batch_size = 256;
    o.epochs = 4096;
    o.warmup_epochs = 125;
    o.max_length = 110;
  }
}

/// Ours: steps for a network of seven million parameters on a few thousand clips.
void apply_small(TrainOptions& o) {
  o.batch_size = 32;
  o.updates = 16384;
  o.warmup_updates = 500;
  o.lr = 3e-4;
  o.clip_norm = 2;
  o.max_length = 64;
  o.augment.gain_db = 6;
  o.augment.freq_masks = 2;
  o.augment.time_masks = 2;
}

}  // namespace

TrainOptions preset_options(std::string_view preset, std::string_view framework) {
  require_one_of("preset", preset, {"paper", "repo", "small"});
  require_one_of("framework", framework, {"supervised", "pretrain", "transfer"});
  TrainOptions options;
  options.framework = framework;
  if (preset == "paper") apply_paper(options);
  if (preset == "repo") apply_repo(options);
  if (preset == "small") apply_small(options);
  return options;
}

std::string_view preset_model_size(std::string_view preset) {
  return preset == "small" ? "small" : "bart-base";
}

TrainOptions with_choices_made(TrainOptions options) {
  const bool is_pretrain = options.framework == "pretrain";
  if (options.captions == "auto") options.captions = is_pretrain ? "all" : "human";
  if (options.sampler == "auto") options.sampler = is_pretrain ? "tag-balanced" : "shuffle";
  return options;
}

void validate(const TrainOptions& o) {
  require_one_of("framework", o.framework, {"supervised", "pretrain", "transfer"});
  require_one_of("sampler", o.sampler, {"auto", "shuffle", "sequential", "tag-balanced"});
  require_range("batch-size", o.batch_size, 1, 1 << 16);
  require_range("accumulate", o.accumulate, 1, o.batch_size);
  LPMC_REQUIRE(o.batch_size % o.accumulate == 0, invalid_argument,
               "--accumulate: expected a divisor of --batch-size {}, found {}", o.batch_size, o.accumulate);
  require_range<std::int64_t>("steps-per-epoch", o.steps_per_epoch, 0, std::int64_t{1} << 40);
  require_range<std::int64_t>("updates", o.updates, 0, std::int64_t{1} << 40);
  require_range<std::int64_t>("warmup-updates", o.warmup_updates, 0, std::int64_t{1} << 40);
  require_range("epochs", o.epochs, 0.0, 1e9);
  require_range("warmup-epochs", o.warmup_epochs, 0.0, 1e9);
  require_range("lr", o.lr, 0.0, 10.0);
  require_range("min-lr", o.min_lr, 0.0, o.lr);
  require_range("weight-decay", o.weight_decay, 0.0, 1.0);
  require_range("clip-norm", o.clip_norm, 0.0, 1e9);
  require_range("label-smoothing", o.label_smoothing, 0.0, 0.999);
  for (const auto& [name, p] :
       {std::pair{"dropout", o.dropout}, std::pair{"attention-dropout", o.attention_dropout},
        std::pair{"activation-dropout", o.activation_dropout}}) {
    require_range(name, p, 0.0, 0.99);
  }
  require_range("max-length", o.max_length, 3, 1 << 16);
}

void validate(const RunOptions& o) {
  LPMC_REQUIRE(o.device == "cpu" || o.device == "cuda" || o.device.starts_with("cuda:"), invalid_argument,
               "--device: expected cpu, cuda or cuda:N, found '{}'", o.device);
  require_range("workers", o.workers, 1, 256);
  require_range<std::int64_t>("log-every", o.log_every, 1, std::int64_t{1} << 40);
  require_range<std::int64_t>("validate-every", o.validate_every, 0, std::int64_t{1} << 40);
  require_range<std::int64_t>("checkpoint-every", o.checkpoint_every, 0, std::int64_t{1} << 40);
  require_range("validate-clips", o.validate_clips, 0, 1 << 30);
  require_range("patience", o.patience, 0, 1 << 30);
  require_range("keep", o.keep, 1, 1000);
  require_range("samples", o.samples, 0, 1000);
}

RunLength run_length(const TrainOptions& o, std::size_t clips) {
  RunLength length;
  const std::int64_t epoch_clips =
      o.sampler == "tag-balanced" ? kBalancedEpoch : static_cast<std::int64_t>(clips);
  length.steps_per_epoch =
      o.steps_per_epoch > 0 ? o.steps_per_epoch : std::max<std::int64_t>(1, epoch_clips / o.batch_size);
  const auto steps = static_cast<double>(length.steps_per_epoch);
  length.updates = o.updates > 0 ? o.updates : std::llround(o.epochs * steps);
  LPMC_REQUIRE(length.updates > 0, invalid_argument,
               "--updates, --epochs: expected a run of at least 1 update");
  const double warmup =
      o.warmup_updates > 0 ? static_cast<double>(o.warmup_updates) : o.warmup_epochs * steps;
  LPMC_REQUIRE(warmup < static_cast<double>(length.updates), invalid_argument,
               "warm-up: expected less than the run's {} updates, found {}; --warmup-updates, "
               "--warmup-epochs, --updates and --epochs set them",
               length.updates, warmup);
  length.schedule = {o.lr, o.min_lr, warmup, static_cast<double>(length.updates)};
  return length;
}

std::vector<std::string> option_differences(const nlohmann::json& then, const nlohmann::json& now) {
  std::set<std::string> keys;
  for (const nlohmann::json* side : {&then, &now}) {
    for (const auto& [key, value] : side->items())
      keys.insert(key);
  }
  const auto text = [](const nlohmann::json& side, const std::string& key) {
    return side.contains(key) ? side[key].dump() : std::string("nothing");
  };
  std::vector<std::string> differences;
  for (const std::string& key : keys) {
    const std::string before = text(then, key), after = text(now, key);
    if (before != after) differences.push_back(fmt::format("{}: {} then, {} now", key, before, after));
  }
  return differences;
}

}  // namespace lpmc
