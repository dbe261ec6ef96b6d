#include "lpmc/captioning/scheduler.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/captioning/special_tokens.h"

namespace lpmc {
namespace {

struct ActiveSegment {
  std::uint64_t id;
  SegmentSearch search;
  std::int32_t root = 0;       ///< its index among the segments given to the decoder since the last step
  std::int32_t rows = 0;       ///< rows it had in the last step; 0 before its first
  std::int32_t first_row = 0;  ///< where they stood in the batch
};

/// Adds the time that it lives to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum_s) : sum_s_(sum_s) {}
  ~Stopwatch() { sum_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_s_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Segments that go through the encoder at once. More are no faster (their products are large already)
/// and cost memory: a segment's first convolution alone gives 3 MB at the published size.
constexpr std::size_t kEncodedTogether = 4;

/// [batch, n_mels, frames] of equally shaped log-mels.
Tensor stack(const std::vector<SegmentTask>& tasks) {
  const Shape& one = tasks.front().log_mel.shape();
  Tensor batch({static_cast<std::int64_t>(tasks.size()), one[0], one[1]});
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const ConstTensorView mel = tasks[i].log_mel;
    LPMC_REQUIRE(mel.shape() == one, invalid_argument, "log_mel: expected {}, found {}", to_string(one),
                 to_string(mel.shape()));
    std::memcpy(batch.mutable_view()[static_cast<std::int64_t>(i)].mutable_bytes(), mel.bytes(),
                mel.size_bytes());
  }
  return batch;
}

}  // namespace

struct Scheduler::Impl {
  ModelConfig config;
  CaptionNetwork network;
  SchedulerOptions options;
  SpecialTokens special;
  KvCache cache;
  std::vector<ActiveSegment> active;
  std::int32_t new_segments = 0;  ///< given to the decoder since the last step
  std::vector<std::int32_t> parents, tokens;
  SchedulerTimes times;

  std::size_t batch_size() const { return static_cast<std::size_t>(options.batch_size); }

  Tensor encode(const std::vector<SegmentTask>& tasks) {
    const Stopwatch stopwatch(times.encoder_s);
    return network.encoder->forward(network.audio_encoder->forward(stack(tasks)));
  }

  void add_segments(const Tensor& hidden) {
    const Stopwatch stopwatch(times.cross_s);
    network.decoder->add_segments(cache, hidden);
  }

  void admit(const std::vector<SegmentTask>& tasks) {
    add_segments(encode(tasks));
    for (const SegmentTask& task : tasks) {
      const GenerationOptions& generation = task.generation ? *task.generation : options.generation;
      active.push_back(
          {task.id, SegmentSearch(generation, special, config.vocab_size, task.stream), new_segments++});
    }
  }

  /// Every active segment's rows, in order; parents in the decoder's numbering.
  void gather_rows() {
    parents.clear();
    tokens.clear();
    const auto previous_rows = static_cast<std::int32_t>(cache.rows());
    for (ActiveSegment& segment : active) {
      const std::int32_t base = segment.rows > 0 ? segment.first_row : previous_rows + segment.root;
      const auto next = segment.search.tokens();
      segment.first_row = static_cast<std::int32_t>(tokens.size());
      segment.rows = static_cast<std::int32_t>(next.size());
      for (const std::int32_t parent : segment.search.parents())
        parents.push_back(base + parent);
      tokens.insert(tokens.end(), next.begin(), next.end());
    }
  }

  void step() {
    gather_rows();
    new_segments = 0;
    ++times.steps;
    advance(decode());
  }

  TensorView decode() {
    const Stopwatch stopwatch(times.step_s);
    return network.decoder->step(cache, parents, tokens);
  }

  void advance(const TensorView& logits) {
    const Stopwatch stopwatch(times.search_s);
    for_each_search(static_cast<std::int64_t>(active.size()), [&](std::int64_t i) {
      ActiveSegment& segment = active[static_cast<std::size_t>(i)];
      float* rows = logits.mutable_data<float>() + std::int64_t{segment.first_row} * config.vocab_size;
      segment.search.advance({rows, DType::f32, {segment.rows, config.vocab_size}});
    });
  }

  void deliver_finished(const std::function<void(SegmentResult&&)>& done) {
    for (ActiveSegment& segment : active) {
      if (segment.search.done()) done({segment.id, segment.search.take_hypotheses()});
    }
    std::erase_if(active, [](const ActiveSegment& segment) { return segment.search.done(); });
  }

  /// Joining in groups keeps the encoder's products large; one at a time would run it a row at a time.
  bool wants_more() const {
    return active.size() <= batch_size() - std::max<std::size_t>(1, batch_size() / 4);
  }

  /// Segments that have not had a step yet stay: the decoder counts on a row of each.
  void drop_unwanted(const std::function<bool(std::uint64_t)>& is_unwanted) {
    if (!is_unwanted) return;
    std::erase_if(active,
                  [&](const ActiveSegment& segment) { return segment.rows > 0 && is_unwanted(segment.id); });
  }

  /// @return false when there are no more tasks
  bool refill(const std::function<NextTask(bool)>& next) {
    std::vector<SegmentTask> tasks;
    bool more = true;
    while (active.size() + tasks.size() < batch_size()) {
      NextTask answer = next(active.empty() && tasks.empty());
      more = !std::holds_alternative<NoMoreTasks>(answer);
      auto* task = std::get_if<SegmentTask>(&answer);
      if (task == nullptr) break;
      tasks.push_back(std::move(*task));
      if (tasks.size() == kEncodedTogether) {
        admit(tasks);
        tasks.clear();
      }
    }
    if (!tasks.empty()) admit(tasks);
    return more;
  }
};

Scheduler::Scheduler(const ModelConfig& config, const CaptionNetwork& network,
                     const SchedulerOptions& options)
    : impl_(std::make_unique<Impl>()) {
  LPMC_REQUIRE(options.batch_size >= 1 && options.batch_size <= 1024, invalid_argument,
               "batch_size: expected 1 to 1024, found {}", options.batch_size);
  impl_->config = config;
  impl_->network = network;
  impl_->options = options;
  impl_->special = special_tokens(config);
  validate(options.generation, impl_->special, config.vocab_size);
}

Scheduler::~Scheduler() = default;

const SchedulerTimes& Scheduler::times() const {
  return impl_->times;
}
std::size_t Scheduler::cache_bytes() const {
  return impl_->cache.size_bytes();
}

void Scheduler::run(const std::function<std::optional<SegmentTask>()>& next,
                    const std::function<void(SegmentResult&&)>& done, const std::stop_token& stop) {
  TaskFlow flow;
  flow.next = [&](bool) -> NextTask {
    std::optional<SegmentTask> task = next();
    if (!task) return NoMoreTasks{};
    return std::move(*task);
  };
  flow.done = done;
  run(flow, stop);
}

void Scheduler::run(const TaskFlow& flow, const std::stop_token& stop) {
  Impl& impl = *impl_;
  impl.active.clear();
  impl.new_segments = 0;
  impl.cache = KvCache();
  impl.times = SchedulerTimes();
  bool more = true;
  while (true) {
    LPMC_REQUIRE(!stop.stop_requested(), cancelled, "captioning: stopped on request");
    impl.drop_unwanted(flow.is_unwanted);
    if (more && impl.wants_more()) more = impl.refill(flow.next);
    if (impl.active.empty()) {
      if (!more) return;
      continue;
    }
    impl.step();
    impl.deliver_finished(flow.done);
  }
}

}  // namespace lpmc
