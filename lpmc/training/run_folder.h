#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "lpmc/model/weights.h"
#include "lpmc/training/checkpoint.h"
#include "lpmc/training/report.h"
#include "lpmc/training/sample_clips.h"
#include "lpmc/training/tensorboard.h"
#include "lpmc/training/train_setup.h"
#include "lpmc/training/training_log.h"

namespace lpmc {

/// The files of a run. The folder is a model folder at every moment after its first checkpoint: the other
/// files are there before model.safetensors, which is replaced in one step. Besides: best/ (the model with
/// the least validation loss), state/ (to go on from), log.jsonl, TensorBoard's events, report.html,
/// hparams.json, samples/. Used by the main process alone.
class RunFolder {
 public:
  /// Job and setup must outlive it.
  RunFolder(const TrainJob& job, const TrainSetup& setup);

  /// Looks for the state to go on from.
  /// @return nothing where the run begins
  /// @throws Error(invalid_argument) listing the options that differ from the saved ones, when the data
  /// differ, or when there is a model that no run of ours wrote; Error(not_found) when must_resume
  std::optional<SavedState> open();

  /// Opens log and events and writes hparams.json and samples. To be called once, before those below.
  void begin(std::int64_t step);

  /// To log.jsonl and, but for captions, TensorBoard.
  void add(const nlohmann::json& entry);
  /// Model, card and report as of an update; once for each.
  void write_model(std::int64_t step, LoadedWeights weights);
  void write_best(std::int64_t step, LoadedWeights weights);
  void write_report(std::int64_t step) const;
  /// @param facts of the trainer; options and data are added
  void save_state(std::int64_t step, std::span<const NamedTensor> tensors, const nlohmann::json& facts);
  /// Captions of the fixed clips by the model as it was written last; empty where there are none.
  nlohmann::json caption_samples(const CaptionClips& caption);

 private:
  nlohmann::json identity() const;
  void check_same(const nlohmann::json& saved) const;
  RunFacts facts_at(std::int64_t step) const;
  void write_to(const std::filesystem::path& folder, std::int64_t step, LoadedWeights weights) const;

  const TrainJob& job_;
  const TrainSetup& setup_;
  StateFolder states_;
  std::optional<TrainingLog> log_;
  std::optional<EventFile> events_;
  std::optional<SampleClips> samples_;
  std::int64_t model_step_ = -1;  ///< of model.safetensors; -1: not written by this process
};

/// hparams.json: all that describes the run.
nlohmann::json hyper_parameters(const TrainJob& job);

}  // namespace lpmc
