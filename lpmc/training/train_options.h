#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/training/augment.h"
#include "lpmc/training/schedule.h"

namespace lpmc {

/// What the learned weights depend on. A run goes on only with the same ones.
struct TrainOptions {
  std::string framework = "supervised";
  std::string captions = "auto";
  std::string sampler = "auto";
  int batch_size = 64;
  int accumulate = 1;
  std::int64_t steps_per_epoch = 0;
  double epochs = 100;
  std::int64_t updates = 0;
  double warmup_epochs = 0;
  std::int64_t warmup_updates = 1000;
  double lr = 1e-4;
  double min_lr = 0;
  double weight_decay = 0.01;
  double clip_norm = 0;
  double label_smoothing = 0.1;
  double dropout = 0.1;
  double attention_dropout = 0.1;
  double activation_dropout = 0.1;
  int max_length = 128;
  bool bf16 = false;
  std::int64_t seed = 0;
  AugmentOptions augment;
};

template <class Field>
void visit(TrainOptions& o, Field&& field) {
  field("framework", o.framework, "supervised, pretrain (on pseudo captions) or transfer (from --init)");
  field("captions", o.captions,
        "which captions to learn: human, all (pseudo captions, one drawn for each clip), columns as "
        "writing,summary; auto = all for pretrain, else human");
  field(
      "sampler", o.sampler,
      "order of clips: shuffle, sequential, tag-balanced (a tag, then one of its clips); auto = tag-balanced "
      "for pretrain, else shuffle");
  field("batch-size", o.batch_size, "clips of one update, over all processes and --accumulate");
  field("accumulate", o.accumulate, "parts that a batch is computed in, one after the other: saves memory");
  field("steps-per-epoch", o.steps_per_epoch,
        "updates that count as an epoch; 0 = clips / batch-size, or 8192 / batch-size when tag-balanced");
  field("epochs", o.epochs, "length of the run; --updates goes before it");
  field("updates", o.updates, "length of the run in updates; 0 = by --epochs");
  field("warmup-epochs", o.warmup_epochs, "epochs in which the learning rate grows");
  field("warmup-updates", o.warmup_updates, "the same in updates; 0 = by --warmup-epochs");
  field("lr", o.lr, "learning rate after the warm-up");
  field("min-lr", o.min_lr, "learning rate at the end (cosine)");
  field("weight-decay", o.weight_decay, "of AdamW");
  field("clip-norm", o.clip_norm, "largest norm of the gradient; 0 = not clipped");
  field("label-smoothing", o.label_smoothing, "share of the target spread over the vocabulary");
  field("dropout", o.dropout, "of embeddings and sub-layer outputs");
  field("attention-dropout", o.attention_dropout, "of attention probabilities");
  field("activation-dropout", o.activation_dropout, "inside the feed-forward layers");
  field("max-length", o.max_length, "tokens of a caption, <s> and </s> included; longer ones are cut");
  field("bf16", o.bf16, "bfloat16 arithmetic (autocast); CUDA only");
  field("seed", o.seed, "of weights, order, crops and dropout");
  visit(o.augment, field);
}

/// What may change between two parts of a run.
struct RunOptions {
  std::string device = "cpu";
  int workers = 2;
  std::int64_t log_every = 10;
  std::int64_t validate_every = 500;
  int validate_clips = 0;
  int patience = 0;
  std::int64_t checkpoint_every = 500;
  int keep = 2;
  int samples = 8;
  std::string license;
};

template <class Field>
void visit(RunOptions& o, Field&& field) {
  field("device", o.device, "cpu, cuda or cuda:N");
  field("workers", o.workers, "threads that read and prepare clips ahead");
  field("log-every", o.log_every, "updates between lines of log.jsonl");
  field("validate-every", o.validate_every, "updates between validations; 0 = only at the end");
  field("validate-clips", o.validate_clips, "clips to validate on, spread over the split; 0 = all");
  field("patience", o.patience, "stop after so many validations without a better loss; 0 = never");
  field("checkpoint-every", o.checkpoint_every, "updates between checkpoints; 0 = only at the end");
  field("keep", o.keep, "states kept to go on from, at least 1");
  field("samples", o.samples, "clips captioned at each validation, for the report; 0 = none");
  field("license", o.license, "licence of the model, for its card");
}

/// The options of a preset: "paper" (the published paper's recipe), "repo" (its repository's: other
/// lengths and warm-ups), "small" (the model that ships).
/// @throws Error(invalid_argument) for another preset or framework
TrainOptions preset_options(std::string_view preset, std::string_view framework);

/// The model size (model/config.h preset_config) that goes with a preset.
std::string_view preset_model_size(std::string_view preset);

/// With "auto" replaced by what the framework takes.
TrainOptions with_choices_made(TrainOptions options);

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const TrainOptions& options);
void validate(const RunOptions& options);

/// Length and learning rate of a run, as its options and its data give them.
/// @param clips clips of the training split
/// @throws Error(invalid_argument) when the warm-up is as long as the run
struct RunLength {
  std::int64_t steps_per_epoch = 1;
  std::int64_t updates = 1;
  Schedule schedule;
};
RunLength run_length(const TrainOptions& options, std::size_t clips);

/// "lr: 0.0001 then, 0.0002 now" for each key whose values differ (as JSON) or that only one side has.
std::vector<std::string> option_differences(const nlohmann::json& then, const nlohmann::json& now);

}  // namespace lpmc
