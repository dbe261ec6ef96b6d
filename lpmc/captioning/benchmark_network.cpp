#include "lpmc/captioning/benchmark_network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "lpmc/audio/log_mel.h"
#include "lpmc/captioning/scheduler.h"
#include "lpmc/captioning/special_tokens.h"
#include "lpmc/generation/generate.h"

namespace lpmc::detail {
namespace {

/// Equal on every machine, spread evenly over [low, high).
void fill(std::span<float> values, float low, float high) {
  std::uint32_t state = 1;
  for (float& x : values) {
    state = state * 1664525U + 1013904223U;
    x = low + (high - low) * static_cast<float>(state >> 8) * 0x1p-24F;
  }
}

/// Log-mels of nothing in particular, dB.
Tensor log_mels(const ModelConfig& config, std::int64_t segments) {
  Tensor mel({segments, config.mel.n_mels, num_frames(config.segment_samples(), config.mel)});
  fill(mel.mutable_values<float>(), -60, 30);
  return mel;
}

/// A search that ends after exactly `new_tokens` steps.
GenerationOptions search_of_length(int num_beams, int new_tokens) {
  GenerationOptions search;
  search.num_beams = num_beams;
  search.min_length = search.max_length = new_tokens + 1;  // the start token counts
  return search;
}

}  // namespace

NetworkBenchmark::NetworkBenchmark(const BenchmarkModel& model, DType arithmetic,
                                   const MachineFigures& machine, const BenchmarkOptions& options,
                                   const FigureFn& on_figure)
    : config_(model.config),
      arithmetic_(arithmetic),
      limit_(machine_limit(machine, arithmetic)),
      options_(options),
      on_figure_(on_figure),
      audio_encoder_(model.config, *model.weights, arithmetic),
      encoder_(model.config, *model.weights, arithmetic),
      decoder_(model.config, *model.weights, arithmetic) {}

void NetworkBenchmark::run(BenchmarkStage stage) const {
  switch (stage) {
    case BenchmarkStage::audio:
    case BenchmarkStage::memory:
      return;
    case BenchmarkStage::encoder:
      for (const std::int64_t segments : {1, 3, 16})
        encoder(segments);
      return cross(3);
    case BenchmarkStage::step:
      for (const std::int64_t rows : {1, 5, 15, 45, 90})
        step(rows);
      return;
    case BenchmarkStage::search:
      for (const std::int64_t rows : {1, 5, 15, 45, 90})
        search(rows);
      return;
    case BenchmarkStage::captions:
      captions(options_.segments);
      return captions(18);  // a song of three minutes
    case BenchmarkStage::batch:
      for (const int batch_size : {1, 2, 4, 8, 16, 32})
        batch(batch_size);
      return;
  }
}

StageFigure NetworkBenchmark::figure(std::string stage, std::int64_t size, std::string unit,
                                     const Timing& timing) const {
  StageFigure figure;
  figure.stage = std::move(stage);
  figure.arithmetic = arithmetic_;
  figure.size = size;
  figure.unit = std::move(unit);
  figure.repeats = timing.repeats;
  figure.best_s = timing.best_s;
  figure.median_s = timing.median_s;
  return figure;
}

StageFigure NetworkBenchmark::with_limit(StageFigure figure, const NetworkWork& work, double sound_s) const {
  figure.limit_s = limit(work);
  figure.operations_per_s = work.operations / figure.best_s;
  if (sound_s > 0) figure.x_real_time = sound_s / figure.best_s;
  return figure;
}

void NetworkBenchmark::encoder(std::int64_t segments) const {
  const Tensor mel = log_mels(config_, segments);
  const Timing timing =
      repeat(patience(), [&] { return time_s([&] { encoder_.forward(audio_encoder_.forward(mel)); }); });
  on_figure_(with_limit(figure("encoder", segments, "segments", timing),
                        encoder_work(config_, segments, arithmetic_), sound_s(segments)));
}

void NetworkBenchmark::cross(std::int64_t segments) const {
  const Tensor hidden = encoder_.forward(audio_encoder_.forward(log_mels(config_, segments)));
  const Timing timing = repeat(patience(), [&] {
    KvCache cache;
    return time_s([&] { decoder_.add_segments(cache, hidden); });
  });
  on_figure_(with_limit(figure("cross keys, values", segments, "segments", timing),
                        cross_work(config_, segments, arithmetic_), 0));
}

void NetworkBenchmark::step(std::int64_t rows) const {
  const std::int64_t beams = options_.num_beams;
  const std::int64_t segments = (rows + beams - 1) / beams;
  Tensor hidden({segments, config_.n_ctx(), config_.d_model});
  fill(hidden.mutable_values<float>(), -1, 1);
  std::vector<std::int32_t> roots, same;
  const std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows), config_.bos_token_id);
  for (std::int64_t i = 0; i < rows; ++i) {
    roots.push_back(static_cast<std::int32_t>(i / beams));
    same.push_back(static_cast<std::int32_t>(i));
  }
  std::size_t cache_bytes = 0;
  const Timing timing = repeat(patience(), [&] {
    KvCache cache;
    decoder_.add_segments(cache, hidden);
    const double all_s = time_s([&] {
      for (int length = 0; length < options_.new_tokens; ++length)
        decoder_.step(cache, length == 0 ? roots : same, tokens);
    });
    cache_bytes = cache.size_bytes();
    return all_s / options_.new_tokens;
  });
  StageFigure result =
      with_limit(figure("decoding step", rows, "rows", timing), step_work(config_, rows, arithmetic_), 0);
  result.cache_bytes = cache_bytes;
  on_figure_(result);
}

void NetworkBenchmark::search(std::int64_t rows) const {
  const auto beams = static_cast<int>(std::min<std::int64_t>(rows, options_.num_beams));
  const std::int64_t segments = (rows + beams - 1) / beams;
  const Shape shape{segments * beams, config_.vocab_size};
  Tensor source(shape), logits(shape);
  fill(source.mutable_values<float>(), -4, 4);
  const GenerationOptions options = search_of_length(beams, options_.new_tokens);
  const Timing timing = repeat(patience(), [&] {
    std::vector<SegmentSearch> searches;
    for (std::int64_t i = 0; i < segments; ++i)
      searches.emplace_back(options, special_tokens(config_), config_.vocab_size, i);
    double all_s = 0;
    for (int length = 0; length < options_.new_tokens; ++length) {
      std::memcpy(logits.mutable_view().mutable_bytes(), source.view().bytes(), source.view().size_bytes());
      all_s += time_s([&] {
        for_each_search(segments, [&](std::int64_t i) {
          float* first = logits.mutable_data<float>() + i * beams * config_.vocab_size;
          searches[static_cast<std::size_t>(i)].advance({first, DType::f32, {beams, config_.vocab_size}});
        });
      });
    }
    return all_s / options_.new_tokens;
  });
  StageFigure result = figure("search", shape[0], "rows", timing);
  const double bytes = static_cast<double>(source.view().size_bytes());
  result.limit_s =
      bytes / measure_read_bandwidth(static_cast<std::int64_t>(bytes), options_.quick ? 0.001 : 0.05);
  on_figure_(result);
}

NetworkBenchmark::CaptionsRun NetworkBenchmark::caption_all(std::int64_t segments, int batch_size,
                                                            const Tensor& mels) const {
  Scheduler scheduler(config_, {&audio_encoder_, &encoder_, &decoder_},
                      {batch_size, search_of_length(options_.num_beams, options_.new_tokens)});
  std::int64_t given = 0;
  const auto next = [&]() -> std::optional<SegmentTask> {
    if (given == segments) return std::nullopt;
    const auto id = static_cast<std::uint64_t>(given);
    return SegmentTask{id, id, Tensor::copy_of(mels.view()[given++])};
  };
  CaptionsRun run;
  run.total_s = time_s([&] { scheduler.run(next, [](SegmentResult&&) {}, {}); });
  run.times = scheduler.times();
  run.cache_bytes = scheduler.cache_bytes();
  return run;
}

void NetworkBenchmark::captions(std::int64_t segments) const {
  const Tensor mels = log_mels(config_, segments);
  std::vector<CaptionsRun> runs;
  const Timing total = repeat(options_.quick ? Patience{0, 1} : Patience{2, 2}, [&] {
    runs.push_back(caption_all(segments, static_cast<int>(segments), mels));
    return runs.back().total_s;
  });
  const auto part = [&](auto&& seconds_of) {
    std::vector<double> all_s;
    for (const CaptionsRun& run : runs)
      all_s.push_back(seconds_of(run));
    std::sort(all_s.begin(), all_s.end());
    return Timing{all_s.front(), all_s[all_s.size() / 2], total.repeats};
  };
  const NetworkWork encoder = encoder_work(config_, segments, arithmetic_);
  const NetworkWork cross = cross_work(config_, segments, arithmetic_);
  const NetworkWork step = step_work(config_, segments * options_.num_beams, arithmetic_);
  const double generate_limit_s = limit(cross) + options_.new_tokens * limit(step);
  StageFigure one = figure("captions: encoder", segments, "segments",
                           part([](const CaptionsRun& run) { return run.times.encoder_s; }));
  on_figure_(with_limit(one, encoder, 0));
  one = figure("captions: generate", segments, "segments",
               part([](const CaptionsRun& run) { return run.total_s - run.times.encoder_s; }));
  one.limit_s = generate_limit_s;
  on_figure_(one);
  one = figure("captions", segments, "segments", total);
  one.limit_s = limit(encoder) + generate_limit_s;
  one.x_real_time = sound_s(segments) / total.best_s;
  one.cache_bytes = runs.back().cache_bytes;
  on_figure_(one);
}

void NetworkBenchmark::batch(int batch_size) const {
  constexpr std::int64_t kSegments = 32;
  const Tensor mels = log_mels(config_, kSegments);
  const Timing timing =
      repeat(Patience{0, 1}, [&] { return caption_all(kSegments, batch_size, mels).total_s; });
  StageFigure result = figure("captions by batch size", batch_size, "segments", timing);
  result.x_real_time = sound_s(kSegments) / timing.best_s;
  on_figure_(result);
}

}  // namespace lpmc::detail
