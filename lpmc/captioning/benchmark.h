#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/inference/machine_limits.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

namespace lpmc {

/// The parts of captioning that can be timed alone.
enum class BenchmarkStage { audio, encoder, step, search, captions, memory, batch };

/// All of them, in the order they are run.
std::span<const BenchmarkStage> benchmark_stages();
/// "audio", "encoder", "step", "search", "captions", "memory", "batch".
std::string_view to_string(BenchmarkStage stage);

struct BenchmarkOptions {
  std::vector<BenchmarkStage> stages;
  int segments = 3;     ///< of the smaller run of whole captions
  int num_beams = 5;    ///< rows a segment
  int new_tokens = 64;  ///< of every caption, exactly
  bool quick = false;   ///< every measurement once and short
  /// What is decoded in the audio stage.
  std::filesystem::path audio;
};

/// What is timed: a network with its weights.
struct BenchmarkModel {
  ModelConfig config;
  const ModelWeights* weights = nullptr;
};

/// What this machine shows, with as many threads as parallel_for uses.
struct MachineFigures {
  struct Bandwidth {
    DType arithmetic = DType::f32;
    double bytes = 0;  ///< what a decoding step reads of the weights in this arithmetic
    double bytes_per_s = 0;
  };
  std::vector<MultiplyRate> rates;
  std::vector<Bandwidth> step_bandwidth;
  double large_bytes = 0;  ///< a buffer that is larger than caches are
  double large_bytes_per_s = 0;
};

/// One line of the table.
struct StageFigure {
  std::string stage;                ///< "decoding step"
  std::optional<DType> arithmetic;  ///< none where it makes no difference
  std::int64_t size = 0;            ///< how many `unit`s at once
  std::string unit;                 ///< "rows", "segments", "s of sound"
  int repeats = 0;
  double best_s = 0;  ///< of one step, one pass over all segments, one file
  double median_s = 0;
  double limit_s = 0;                   ///< what the machine's own rates allow; 0: not known
  double x_real_time = 0;               ///< seconds of sound a second, at best_s; 0: says nothing here
  double operations_per_s = 0;          ///< of the products with weights, at best_s; 0: says nothing here
  std::size_t cache_bytes = 0;          ///< keys, values and scratch at the end; 0: none
  std::size_t peak_resident_bytes = 0;  ///< of a process that did this and nothing else; 0: not measured
};

/// Takes each figure as soon as it is there.
using FigureFn = std::function<void(const StageFigure&)>;

MachineFigures measure_machine(const ModelConfig& config, std::span<const DType> arithmetics, bool quick);

/// The limit of a product in one arithmetic.
MachineLimit machine_limit(const MachineFigures& machine, DType arithmetic);

/// Decoding, log-mel, and both together, each on one thread.
/// @throws what decoding throws
void benchmark_audio(const ModelConfig& config, const BenchmarkOptions& options, const FigureFn& on_figure);

/// The stages of `options` that are the network's, in one arithmetic. Opening the network is not timed.
void benchmark_network(const BenchmarkModel& model, DType arithmetic, const MachineFigures& machine,
                       const BenchmarkOptions& options, const FigureFn& on_figure);

}  // namespace lpmc
