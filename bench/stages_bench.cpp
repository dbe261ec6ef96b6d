// The stages of captioning, each alone, at the published size with random weights.

#include <benchmark/benchmark.h>

#include "lpmc/audio/log_mel.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/model/weights.h"

namespace lpmc {
namespace {

struct Network {
  ModelConfig config;
  AudioEncoder audio_encoder;
  BartEncoder encoder;
  BartDecoder decoder;

  explicit Network(const LoadedWeights& model)
      : audio_encoder(config, model.weights),
        encoder(config, model.weights),
        decoder(config, model.weights) {}
};

const Network& network() {
  static const Network instance(random_weights(ModelConfig(), 1));
  return instance;
}

Tensor ramp(const Shape& shape) {
  Tensor tensor(shape);
  float value = 0;
  for (float& x : tensor.mutable_values<float>())
    x = value = value > 0.5F ? -0.5F : value + 0.01F;
  return tensor;
}

/// Seconds of sound a second.
void count_sound(benchmark::State& state, std::int64_t segments) {
  state.counters["x_real_time"] =
      benchmark::Counter(static_cast<double>(state.iterations() * segments) * ModelConfig().duration_s,
                         benchmark::Counter::kIsRate);
}

void log_mel(benchmark::State& state) {
  const LogMel front_end{MelConfig()};
  const Tensor waveform = ramp({1, ModelConfig().segment_samples()});
  for (auto _ : state)
    benchmark::DoNotOptimize(front_end.forward(waveform).data<float>());
  count_sound(state, 1);
}
BENCHMARK(log_mel)->Unit(benchmark::kMillisecond)->UseRealTime();

void encode(benchmark::State& state) {
  const ModelConfig& config = network().config;
  const Tensor mel =
      ramp({state.range(0), config.mel.n_mels, num_frames(config.segment_samples(), config.mel)});
  for (auto _ : state) {
    benchmark::DoNotOptimize(network().encoder.forward(network().audio_encoder.forward(mel)).data<float>());
  }
  count_sound(state, state.range(0));
}
BENCHMARK(encode)->Arg(1)->Arg(3)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

/// One decoding step of `rows` hypotheses, five a segment, at lengths 1 to 64.
void decoding_step(benchmark::State& state) {
  constexpr std::int64_t kBeams = 5, kSteps = 64;
  const ModelConfig& config = network().config;
  const std::int64_t rows = state.range(0), segments = (rows + kBeams - 1) / kBeams;
  const Tensor hidden = ramp({segments, config.n_ctx(), config.d_model});
  std::vector<std::int32_t> roots, same, tokens(static_cast<std::size_t>(rows), 100);
  for (std::int64_t i = 0; i < rows; ++i) {
    roots.push_back(static_cast<std::int32_t>(i / kBeams));
    same.push_back(static_cast<std::int32_t>(i));
  }
  KvCache cache;
  std::int64_t length = 0;
  for (auto _ : state) {
    if (length == 0) {
      state.PauseTiming();
      cache = KvCache();
      network().decoder.add_segments(cache, hidden);
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(network().decoder.step(cache, length == 0 ? roots : same, tokens).bytes());
    length = (length + 1) % kSteps;
  }
}
BENCHMARK(decoding_step)
    ->Arg(1)
    ->Arg(5)
    ->Arg(15)
    ->Arg(45)
    ->Arg(90)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace lpmc
