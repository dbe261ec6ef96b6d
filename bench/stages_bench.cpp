// The stages of captioning, each alone, at the published size with random weights.

#include <optional>
#include <string>
#include <vector>

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

  Network(const LoadedWeights& model, DType arithmetic)
      : audio_encoder(config, model.weights, arithmetic),
        encoder(config, model.weights, arithmetic),
        decoder(config, model.weights, arithmetic) {}
};

constexpr DType kArithmetics[] = {DType::f32, DType::bf16, DType::i8};
constexpr std::int64_t kNumArithmetics = 3;

/// The network that argument 0 of a benchmark asks for. One at a time is kept.
const Network& network(benchmark::State& state) {
  static std::optional<Network> instance;
  static DType held = DType::f32;
  const DType arithmetic = kArithmetics[state.range(0)];
  if (!instance || held != arithmetic) {
    instance.reset();
    instance.emplace(random_weights(ModelConfig(), 1), arithmetic);
    held = arithmetic;
  }
  state.SetLabel(std::string(to_string(arithmetic)));
  return *instance;
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
  const Network& net = network(state);
  const ModelConfig& config = net.config;
  const Tensor mel =
      ramp({state.range(1), config.mel.n_mels, num_frames(config.segment_samples(), config.mel)});
  for (auto _ : state)
    benchmark::DoNotOptimize(net.encoder.forward(net.audio_encoder.forward(mel)).data<float>());
  count_sound(state, state.range(1));
}
BENCHMARK(encode)
    ->ArgsProduct({benchmark::CreateDenseRange(0, kNumArithmetics - 1, 1), {1, 3, 16}})
    ->ArgNames({"dtype", "segments"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// One decoding step of `rows` hypotheses, five a segment, at lengths 1 to 64.
void decoding_step(benchmark::State& state) {
  constexpr std::int64_t kBeams = 5, kSteps = 64;
  const Network& net = network(state);
  const ModelConfig& config = net.config;
  const std::int64_t rows = state.range(1), segments = (rows + kBeams - 1) / kBeams;
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
      net.decoder.add_segments(cache, hidden);
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(net.decoder.step(cache, length == 0 ? roots : same, tokens).bytes());
    length = (length + 1) % kSteps;
  }
}
BENCHMARK(decoding_step)
    ->ArgsProduct({benchmark::CreateDenseRange(0, kNumArithmetics - 1, 1), {1, 5, 15, 45, 90}})
    ->ArgNames({"dtype", "rows"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace lpmc
