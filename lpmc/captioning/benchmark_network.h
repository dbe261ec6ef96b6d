#pragma once

// Private to the benchmark: the stages of a network in one arithmetic.

#include <cstdint>
#include <string>

#include "lpmc/captioning/benchmark.h"
#include "lpmc/captioning/benchmark_timing.h"
#include "lpmc/captioning/scheduler.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"

namespace lpmc::detail {

class NetworkBenchmark {
 public:
  NetworkBenchmark(const BenchmarkModel& model, DType arithmetic, const MachineFigures& machine,
                   const BenchmarkOptions& options, const FigureFn& on_figure);

  /// Nothing happens for stages that are not the network's.
  void run(BenchmarkStage stage) const;

 private:
  struct CaptionsRun {
    double total_s = 0;
    SchedulerTimes times;
    std::size_t cache_bytes = 0;
  };
  CaptionsRun caption_all(std::int64_t segments, int batch_size, const Tensor& mels) const;

  void encoder(std::int64_t segments) const;
  void cross(std::int64_t segments) const;
  void step(std::int64_t rows) const;
  void search(std::int64_t rows) const;
  void captions(std::int64_t segments) const;
  void batch(int batch_size) const;

  Patience patience() const { return options_.quick ? Patience{0, 1} : Patience{1, 2}; }
  StageFigure figure(std::string stage, std::int64_t size, std::string unit, const Timing& timing) const;
  StageFigure with_limit(StageFigure figure, const NetworkWork& work, double sound_s) const;
  double limit(const NetworkWork& work) const { return limit_s(work, limit_); }
  double sound_s(std::int64_t segments) const { return static_cast<double>(segments) * config_.duration_s; }

  ModelConfig config_;
  DType arithmetic_;
  MachineLimit limit_;
  const BenchmarkOptions& options_;
  const FigureFn& on_figure_;
  AudioEncoder audio_encoder_;
  BartEncoder encoder_;
  BartDecoder decoder_;
};

}  // namespace lpmc::detail
