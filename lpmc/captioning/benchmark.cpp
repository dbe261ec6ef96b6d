#include "lpmc/captioning/benchmark.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "lpmc/audio/clips.h"
#include "lpmc/audio/decode.h"
#include "lpmc/audio/log_mel.h"
#include "lpmc/base/error.h"
#include "lpmc/captioning/benchmark_network.h"
#include "lpmc/captioning/benchmark_timing.h"

namespace lpmc {
namespace {

using detail::on_one_thread;
using detail::Patience;
using detail::repeat;
using detail::time_s;
using detail::Timing;

Tensor chord(std::int64_t samples, int sample_rate) {
  Tensor waveform({1, samples});
  float* x = waveform.mutable_data<float>();
  for (std::int64_t i = 0; i < samples; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i) / sample_rate;
    x[i] =
        static_cast<float>(0.2 * (std::sin(220 * phase) + std::sin(277.2 * phase) + std::sin(329.6 * phase)));
  }
  return waveform;
}

StageFigure audio_figure(std::string stage, double sound_s, const Timing& timing) {
  StageFigure figure;
  figure.stage = std::move(stage);
  figure.size = std::llround(sound_s);
  figure.unit = "s of sound";
  figure.repeats = timing.repeats;
  figure.best_s = timing.best_s;
  figure.median_s = timing.median_s;
  figure.x_real_time = sound_s / timing.best_s;
  return figure;
}

/// As the captioner's audio thread does it: clip by clip. @return seconds of sound
double decode_and_log_mel(const std::filesystem::path& file, const ModelConfig& config,
                          const LogMel& log_mel) {
  AudioReader reader(file, {config.mel.sample_rate});
  ClipOptions options;
  options.duration_s = config.duration_s;
  ClipReader clips(reader, options);
  Clip clip;
  while (clips.next(clip)) {
    const ConstTensorView waveform = clip.waveform;
    log_mel.forward({waveform.bytes(), waveform.dtype(), {1, waveform.elements()}});
  }
  return static_cast<double>(clips.total_samples()) / config.mel.sample_rate;
}

}  // namespace

std::span<const BenchmarkStage> benchmark_stages() {
  static constexpr BenchmarkStage kAll[] = {
      BenchmarkStage::audio,    BenchmarkStage::encoder, BenchmarkStage::step, BenchmarkStage::search,
      BenchmarkStage::captions, BenchmarkStage::memory,  BenchmarkStage::batch};
  return kAll;
}

std::string_view to_string(BenchmarkStage stage) {
  switch (stage) {
    case BenchmarkStage::audio:
      return "audio";
    case BenchmarkStage::encoder:
      return "encoder";
    case BenchmarkStage::step:
      return "step";
    case BenchmarkStage::search:
      return "search";
    case BenchmarkStage::captions:
      return "captions";
    case BenchmarkStage::memory:
      return "memory";
    case BenchmarkStage::batch:
      return "batch";
  }
  return "";
}

MachineFigures measure_machine(const ModelConfig& config, std::span<const DType> arithmetics, bool quick) {
  const double each_s = quick ? 0.02 : 0.3;
  // More than the last-level cache of most machines, less than the memory of all.
  const std::int64_t large_bytes = quick ? std::int64_t{64} << 20 : std::int64_t{1} << 30;
  MachineFigures machine;
  machine.rates = measure_multiply_rates(each_s);
  for (const DType arithmetic : arithmetics) {
    const double bytes = step_work(config, 1, arithmetic).weight_bytes;
    machine.step_bandwidth.push_back(
        {arithmetic, bytes, measure_read_bandwidth(static_cast<std::int64_t>(bytes), each_s)});
  }
  machine.large_bytes = static_cast<double>(large_bytes);
  machine.large_bytes_per_s = measure_read_bandwidth(large_bytes, each_s);
  return machine;
}

MachineLimit machine_limit(const MachineFigures& machine, DType arithmetic) {
  for (const MachineFigures::Bandwidth& bandwidth : machine.step_bandwidth) {
    if (bandwidth.arithmetic == arithmetic)
      return {bandwidth.bytes_per_s, best_rate(machine.rates, arithmetic)};
  }
  fail(ErrorKind::invalid_argument, "machine limit: expected an arithmetic that was measured, found {}",
       to_string(arithmetic));
}

void benchmark_audio(const ModelConfig& config, const BenchmarkOptions& options, const FigureFn& on_figure) {
  const Patience patience = options.quick ? Patience{0, 1} : Patience{0.5, 3};
  const LogMel log_mel(config.mel);
  const Tensor waveform = chord(config.segment_samples(), config.mel.sample_rate);
  const auto on_one = [&](auto&& body) {
    return repeat(patience, [&] { return time_s([&] { on_one_thread(body); }); });
  };
  double sound_s = 0;
  const Timing decoding = on_one([&] {
    const Tensor samples = decode_all(options.audio, {config.mel.sample_rate});
    sound_s = static_cast<double>(samples.elements()) / config.mel.sample_rate;
  });
  on_figure(audio_figure("audio decode", sound_s, decoding));
  on_figure(audio_figure("log-mel", config.duration_s, on_one([&] { log_mel.forward(waveform); })));
  const Timing both = on_one([&] { sound_s = decode_and_log_mel(options.audio, config, log_mel); });
  on_figure(audio_figure("decode + log-mel", sound_s, both));
}

void benchmark_network(const BenchmarkModel& model, DType arithmetic, const MachineFigures& machine,
                       const BenchmarkOptions& options, const FigureFn& on_figure) {
  detail::NetworkBenchmark benchmark(model, arithmetic, machine, options, on_figure);
  for (const BenchmarkStage stage : options.stages)
    benchmark.run(stage);
}

}  // namespace lpmc
