// One step of the search of a segment at the published vocabulary, the network apart.

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "lpmc/base/threads.h"
#include "lpmc/generation/generate.h"

namespace lpmc {
namespace {

constexpr std::int64_t kVocab = 50265;

/// Logits of all rows of one step; peaked: a few tokens stand far out, as a trained network has it.
std::vector<float> random_logits(std::int64_t rows, bool peaked) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 1.5F);
  std::vector<float> logits(static_cast<std::size_t>(rows * kVocab));
  for (float& logit : logits)
    logit = normal(random) + (peaked && random() % 5000 == 0 ? 10.0F : 0.0F);
  return logits;
}

/// Argument 0: segments, advanced one after another. 1: peaked. 2: the options, below.
void advance(benchmark::State& state) {
  const auto segments = static_cast<std::size_t>(state.range(0));
  GenerationOptions options;
  options.num_beams = state.range(2) == 1 ? 1 : 5;
  options.repetition_penalty = state.range(2) == 2 ? 1.2 : 1.0;
  options.min_length = options.max_length;  // no search ends early
  const std::int64_t rows = options.num_beams;
  const std::int64_t rows_of_all = rows * static_cast<std::int64_t>(segments);
  std::vector<float> logits = random_logits(rows_of_all, state.range(1) == 1);
  std::vector<SegmentSearch> searches;
  set_num_threads(1);
  for (auto _ : state) {
    if (searches.empty() || searches.front().tokens().empty()) {
      state.PauseTiming();
      searches.clear();
      for (std::size_t i = 0; i < segments; ++i)
        searches.emplace_back(options, SpecialTokens(), kVocab);
      state.ResumeTiming();
    }
    float* data = logits.data();
    for (SegmentSearch& search : searches) {
      search.advance(TensorView(data, DType::f32, {rows, kVocab}));
      data += rows * kVocab;
    }
  }
  set_num_threads(0);
  state.counters["s_per_row"] = benchmark::Counter(static_cast<double>(state.iterations() * rows_of_all),
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(advance)
    ->ArgNames({"segments", "peaked", "greedy1_penalty2"})
    ->ArgsProduct({{1, 3, 18}, {0, 1}, {0}})
    ->Args({3, 1, 1})
    ->Args({3, 1, 2})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
}  // namespace lpmc
