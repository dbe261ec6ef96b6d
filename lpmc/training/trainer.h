#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "lpmc/training/sample_clips.h"
#include "lpmc/training/train_setup.h"

namespace lpmc {

/// How a run gets on, after each update.
struct TrainProgress {
  std::int64_t step = 0;  ///< updates made
  std::int64_t updates = 0;
  double epoch = 0;
  double loss = 0;  ///< of the last update
  double accuracy = 0;
  double lr = 0;
  double clips_per_s = 0;
  double data_wait = 0;  ///< share of the time spent waiting for data
  double eta_s = 0;
};

/// What the program around the trainer does for it.
struct TrainHooks {
  std::function<void(const TrainProgress&)> on_progress;  ///< main process only; may be empty
  CaptionClips caption;                                   ///< empty: no sample captions
  std::stop_token stop;                                   ///< asked for: checkpoint, then end
};

enum class TrainEnd {
  finished,       ///< all updates made
  stopped_early,  ///< no better validation loss for --patience validations
  interrupted,    ///< by hooks.stop; the state is kept
};

struct TrainResult {
  TrainEnd end = TrainEnd::finished;
  std::int64_t first_step = 0;  ///< updates that were there already
  std::int64_t step = 0;        ///< updates made in all
  std::int64_t best_step = -1;  ///< -1: never validated
  double best_loss = 0;
  std::int64_t cut_captions = 0;  ///< captions longer than max_length, of those seen
  double data_wait = 0;           ///< share of the time, over this part of the run
  double clips_per_s = 0;
  bool is_main = true;
};

/// Trains a model, or goes on with a run. Alone or as one of several processes (training/distributed.h).
/// For the same job, data, processes and threads the weights are the same, bit for bit on a CPU, however
/// often the run was ended and taken up again.
/// @throws Error as prepare_training, RunFolder::open and Learner; Error(corrupt) when the loss is not
/// finite: whatever ends the run, the state before is kept
TrainResult train(const TrainJob& job, const TrainHooks& hooks);

}  // namespace lpmc
