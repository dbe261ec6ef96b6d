#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>
#include <vector>

#include "lpmc/base/threads.h"
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
  /// How it is searched; null: as SchedulerOptions says. Validated by whoever made the task.
  std::shared_ptr<const GenerationOptions> generation = nullptr;
};

/// One segment out, as soon as its search is over (not in the order they came).
struct SegmentResult {
  std::uint64_t id = 0;
  std::vector<Hypothesis> hypotheses;
};

/// What a source of tasks that never ends may answer.
struct NoTaskYet {};    ///< nothing now; ask again after the next step
struct NoMoreTasks {};  ///< nothing any more
using NextTask = std::variant<NoMoreTasks, NoTaskYet, SegmentTask>;

/// Where tasks come from and results go, all on the thread that runs the scheduler.
struct TaskFlow {
  /// @param may_wait nothing is in work: block until there is a task. Otherwise answer at once.
  std::function<NextTask(bool may_wait)> next;
  std::function<void(SegmentResult&&)> done;
  /// Asked for each task in work before each step: true drops it, without a result. May be empty.
  std::function<bool(std::uint64_t id)> is_unwanted;
};

/// Calls advance(index) for every search in [0, count) with all threads: a search each, or, where there
/// are fewer searches than threads, the rows of one after the other (SegmentSearch::advance does that).
template <class Advance>
void for_each_search(std::int64_t count, Advance&& advance) {
  if (count >= num_threads()) {
    parallel_for(count, advance);
  } else {
    for (std::int64_t index = 0; index < count; ++index)
      advance(index);
  }
}

/// Where the time of a run went, in seconds.
struct SchedulerTimes {
  double encoder_s = 0;  ///< convolutions and encoder
  double cross_s = 0;    ///< cross-attention keys and values of new segments
  double step_s = 0;     ///< decoding steps
  double search_s = 0;   ///< what the search makes of the logits
  std::int64_t steps = 0;
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
  /// The same for tasks that come and go.
  /// @throws what the network or a search throws; every task in work is then dropped
  void run(const TaskFlow& flow, const std::stop_token& stop);

  /// Of the latest run.
  const SchedulerTimes& times() const;
  /// Bytes that the latest run's keys, values and scratch took: what is kept is never less than before.
  std::size_t cache_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
