#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "lpmc/generation/generate.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/model/config.h"

namespace lpmc {

/// The parts of a network that the scheduler drives; all immutable.
struct CaptionNetwork {
  const AudioEncoder* audio_encoder;
  const BartEncoder* encoder;
  const BartDecoder* decoder;
};

struct SchedulerOptions {
  int batch_size = 16;  ///< segments decoded together
  GenerationOptions generation;
};

/// One segment in: an id of the caller's, and its log-mel.
struct SegmentTask {
  std::uint64_t id = 0;
  std::uint64_t stream = 0;  ///< random stream of sampling: the same segment draws the same anywhere
  Tensor log_mel;            ///< [n_mels, frames]
};

/// One segment out, as soon as its search is over (not in the order they came).
struct SegmentResult {
  std::uint64_t id = 0;
  std::vector<Hypothesis> hypotheses;
};

/// Keeps one decoding batch full with segments of any number of files: rows of all segments share
/// each step, finished segments leave, waiting ones join. A segment's caption does not depend on
/// what else is in the batch.
class Scheduler {
 public:
  Scheduler(const ModelConfig& config, const CaptionNetwork& network, const SchedulerOptions& options);
  ~Scheduler();

  /// Pulls tasks until `next` gives none and all are done.
  /// @param next the next task, or nothing when there are no more; may block
  /// @param done called on this thread, once for each task
  /// @throws Error(cancelled) when `stop` is requested; tasks in work are dropped
  void run(const std::function<std::optional<SegmentTask>()>& next,
           const std::function<void(SegmentResult&&)>& done, const std::stop_token& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
