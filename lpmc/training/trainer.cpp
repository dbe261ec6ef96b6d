#include "lpmc/training/trainer.h"

#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/training/learner.h"
#include "lpmc/training/loader.h"
#include "lpmc/training/progress_meter.h"
#include "lpmc/training/run_folder.h"

namespace lpmc {
namespace {

using nlohmann::json;

bool is_due(std::int64_t step, std::int64_t every) {
  return every > 0 && step % every == 0;
}

BatchMakerOptions maker_options(const TrainOptions& options, bool is_train) {
  BatchMakerOptions maker;
  maker.max_length = options.max_length;
  maker.seed = static_cast<std::uint64_t>(options.seed);
  if (is_train) maker.augment = options.augment;
  return maker;
}

/// One run from its first to its last update in this process.
class Trainer {
 public:
  Trainer(const TrainJob& job, const TrainHooks& hooks);
  TrainResult run();

 private:
  void start();
  BatchPlan train_plan() const;
  void train_on(BatchLoader& loader);
  void update(BatchLoader& loader);
  bool stops_early() const { return job_.run.patience > 0 && bad_validations_ >= job_.run.patience; }
  LossTotals validation_totals();
  void validate();
  void take_validation(double loss, const LossTotals& totals);
  void checkpoint();
  void keep_after_failure() noexcept;
  TrainResult result(TrainEnd end) const;

  const TrainJob& job_;
  const TrainHooks& hooks_;
  TrainSetup setup_;
  Learner learner_;
  BatchMaker train_maker_;
  RunFolder folder_;
  ProgressMeter meter_;
  int part_clips_ = 1;  ///< clips of one part of a batch in one process
  std::int64_t first_step_ = 0;
  std::int64_t step_ = 0;
  std::int64_t saved_step_ = -1;
  std::int64_t validated_step_ = -1;
  std::int64_t best_step_ = -1;
  double best_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t bad_validations_ = 0;
  std::int64_t cut_captions_ = 0;
  bool is_interrupted_ = false;
  bool is_saving_ = false;
};

Trainer::Trainer(const TrainJob& job, const TrainHooks& hooks)
    : job_(job),
      hooks_(hooks),
      setup_(prepare_training(job)),
      learner_(setup_.config, job.options, job.run.device),
      train_maker_(*setup_.train, *setup_.tokenizer, setup_.config, maker_options(job.options, true)),
      folder_(job, setup_),
      meter_(setup_.length) {
  const int shares = job.options.accumulate * learner_.world_size();
  LPMC_REQUIRE(job.options.batch_size % shares == 0, invalid_argument,
               "--batch-size: expected a multiple of {} (--accumulate {} in {} processes), found {}", shares,
               job.options.accumulate, learner_.world_size(), job.options.batch_size);
  part_clips_ = job.options.batch_size / shares;
}

void Trainer::start() {
  std::optional<SavedState> saved;
  if (learner_.is_main()) saved = folder_.open();
  if (saved) {
    const json& facts = saved->facts;
    step_ = facts.at("step").get<std::int64_t>();
    best_step_ = facts.at("best_step").get<std::int64_t>();
    if (best_step_ >= 0) best_loss_ = facts.at("best_loss").get<double>();
    bad_validations_ = facts.at("bad_validations").get<std::int64_t>();
    cut_captions_ = facts.at("cut_captions").get<std::int64_t>();
    learner_.restore(saved->tensors, step_);
    log(LogLevel::info, "going on after update {} of {}", step_, setup_.length.updates);
    saved_step_ = step_;
  } else if (learner_.is_main() && !job_.init.empty()) {
    learner_.start_from(job_.init);
  } else if (learner_.is_main()) {
    learner_.start_random();
  }
  learner_.share(step_);
  // All processes must agree on when to stop early.
  const bool is_main = learner_.is_main();
  best_loss_ = learner_.sum(is_main ? best_loss_ : 0.0);
  bad_validations_ =
      static_cast<std::int64_t>(learner_.sum(is_main ? static_cast<double>(bad_validations_) : 0.0));
  first_step_ = step_;
  if (!learner_.is_main()) return;
  folder_.begin(step_);
  // A first checkpoint before any work: a full disk or a wrong folder shows now, not in an hour.
  if (!saved) checkpoint();
}

/// Batch j is part j % accumulate of update j / accumulate; processes share a batch in order of their ranks,
/// so that the clips of an update do not depend on how it is cut.
BatchPlan Trainer::train_plan() const {
  const auto parts = static_cast<std::uint64_t>(job_.options.accumulate);
  const auto clips = static_cast<std::uint64_t>(part_clips_);
  const auto rank = static_cast<std::uint64_t>(learner_.rank());
  const auto batch = static_cast<std::uint64_t>(job_.options.batch_size);
  const auto updates = static_cast<std::uint64_t>(setup_.length.updates);
  return [=, sampler = setup_.sampler.get()](std::uint64_t j) -> std::optional<std::vector<SampleRef>> {
    if (j / parts >= updates) return std::nullopt;
    const std::uint64_t begin = j / parts * batch + (rank * parts + j % parts) * clips;
    std::vector<SampleRef> samples;
    for (std::uint64_t n = begin; n < begin + clips; ++n)
      samples.push_back({n, sampler->item(n)});
    return samples;
  };
}

void Trainer::update(BatchLoader& loader) {
  meter_.begin_update();
  const double waited_before = loader.waited_s();
  std::vector<TrainBatch> parts;
  for (int i = 0; i < job_.options.accumulate; ++i) {
    parts.push_back(loader.next().value());
    if (parts.back().cut_captions > 0 && cut_captions_ == 0) {
      log(LogLevel::warning, "captions longer than {} tokens are cut, as that of clip '{}'",
          job_.options.max_length, parts.back().cut_id);
    }
    cut_captions_ += parts.back().cut_captions;
  }
  const double lr = setup_.length.schedule.at(step_);
  const StepResult result = learner_.step(parts, step_, lr);
  ++step_;
  meter_.end_update(result, loader.waited_s() - waited_before);
  if (!learner_.is_main()) return;
  if (is_due(step_, job_.run.log_every) || step_ == setup_.length.updates)
    folder_.add(meter_.take_line(step_, lr));
  if (hooks_.on_progress) hooks_.on_progress(meter_.progress(step_, lr));
}

LossTotals Trainer::validation_totals() {
  const std::vector<std::size_t> items =
      spread_items(setup_.valid->size(), static_cast<std::size_t>(job_.run.validate_clips));
  const BatchMaker maker(*setup_.valid, *setup_.tokenizer, setup_.config, maker_options(job_.options, false));
  const auto world = static_cast<std::size_t>(learner_.world_size());
  const auto rank = static_cast<std::size_t>(learner_.rank());
  const auto clips = static_cast<std::size_t>(part_clips_);
  BatchLoader loader(
      maker,
      [&](std::uint64_t j) -> std::optional<std::vector<SampleRef>> {
        std::vector<SampleRef> samples;
        for (std::size_t i = (j * world + rank) * clips; samples.size() < clips && i < items.size(); ++i)
          samples.push_back({items[i], items[i]});
        if (samples.empty()) return std::nullopt;
        return samples;
      },
      job_.run.workers);
  LossTotals totals;
  while (const auto batch = loader.next())
    totals += learner_.evaluate(*batch);
  return learner_.sum(totals);
}

void Trainer::take_validation(double loss, const LossTotals& totals) {
  const bool is_best = loss < best_loss_;
  if (is_best) {
    best_loss_ = loss;
    best_step_ = step_;
  }
  bad_validations_ = is_best ? 0 : bad_validations_ + 1;
  if (!learner_.is_main()) return;
  const auto tokens = static_cast<double>(totals.tokens);
  folder_.add({{"kind", "valid"},
               {"step", step_},
               {"loss", loss},
               {"nll", totals.nll / tokens},
               {"accuracy", static_cast<double>(totals.correct) / tokens},
               {"clips", totals.clips}});
  log(LogLevel::info, "update {}: validation loss {:.4f}{}", step_, loss, is_best ? ", the best so far" : "");
  if (is_best) folder_.write_best(step_, learner_.weights());
}

void Trainer::validate() {
  if (validated_step_ == step_) return;
  validated_step_ = step_;
  if (setup_.valid) {
    const LossTotals totals = validation_totals();
    take_validation(totals.loss / static_cast<double>(totals.tokens), totals);
  }
  if (!learner_.is_main() || !hooks_.caption || job_.run.samples == 0) return;
  folder_.write_model(step_, learner_.weights());
  json captions = folder_.caption_samples(hooks_.caption);
  if (captions.empty()) return;
  folder_.add({{"kind", "samples"}, {"step", step_}, {"captions", std::move(captions)}});
  folder_.write_report(step_);
}

void Trainer::checkpoint() {
  if (!learner_.is_main() || saved_step_ == step_) return;
  is_saving_ = true;
  WeightStore store;
  const std::vector<NamedTensor> tensors = learner_.state(store);
  folder_.save_state(step_, tensors,
                     {{"step", step_},
                      {"best_step", best_step_},
                      {"best_loss", best_step_ >= 0 ? json(best_loss_) : json()},
                      {"bad_validations", bad_validations_},
                      {"cut_captions", cut_captions_}});
  folder_.write_model(step_, learner_.weights());
  saved_step_ = step_;
  is_saving_ = false;
}

/// A run that fails keeps what it has learned, unless it is the saving that failed.
void Trainer::keep_after_failure() noexcept {
  if (is_saving_) return;
  try {
    checkpoint();
  } catch (const std::exception& error) {
    log(LogLevel::error, "{}", error.what());
  }
}

void Trainer::train_on(BatchLoader& loader) {
  while (step_ < setup_.length.updates && !stops_early()) {
    if (learner_.any(hooks_.stop.stop_requested())) {
      is_interrupted_ = true;
      return;
    }
    update(loader);
    if (is_due(step_, job_.run.validate_every)) validate();
    if (is_due(step_, job_.run.checkpoint_every)) checkpoint();
  }
}

TrainResult Trainer::result(TrainEnd end) const {
  TrainResult result;
  result.end = end;
  result.first_step = first_step_;
  result.step = step_;
  result.best_step = best_step_;
  result.best_loss = best_loss_;
  result.cut_captions = cut_captions_;
  result.data_wait = meter_.data_wait();
  result.clips_per_s = meter_.clips_per_s();
  result.is_main = learner_.is_main();
  return result;
}

TrainResult Trainer::run() {
  start();
  try {
    if (step_ < setup_.length.updates && !stops_early()) {
      const auto first =
          static_cast<std::uint64_t>(step_) * static_cast<std::uint64_t>(job_.options.accumulate);
      BatchLoader loader(train_maker_, train_plan(), job_.run.workers, first);
      train_on(loader);
      if (!is_interrupted_ && !stops_early()) validate();
    }
    checkpoint();
  } catch (...) {
    keep_after_failure();
    throw;
  }
  learner_.wait_for_all();
  if (is_interrupted_) return result(TrainEnd::interrupted);
  return result(step_ < setup_.length.updates ? TrainEnd::stopped_early : TrainEnd::finished);
}

}  // namespace

TrainResult train(const TrainJob& job, const TrainHooks& hooks) {
  return Trainer(job, hooks).run();
}

}  // namespace lpmc
