// Each op at the model's shapes. To compare two of them, let them take turns in one process:
//   ops_bench --benchmark_filter='product/.*rows:15/' --benchmark_repetitions=9
//             --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "lpmc/ops/attention.h"
#include "lpmc/ops/conv1d.h"
#include "lpmc/ops/linear.h"
#include "lpmc/ops/ops.h"

#ifdef LPMC_BENCH_ONEDNN
#include <dnnl.h>
#include <omp.h>

#include "lpmc/base/threads.h"
#endif

namespace lpmc {
namespace {

constexpr std::int64_t kModel = 768;
constexpr std::int64_t kHeads = 12;
constexpr std::int64_t kContext = 128;
constexpr std::int64_t kBeams = 5;

struct Layer {
  const char* name;
  std::int64_t in, out;
};
constexpr std::array kLayers = {
    Layer{"query_key_value", kModel, 3 * kModel}, Layer{"projection", kModel, kModel},
    Layer{"feed_forward_in", kModel, 4 * kModel}, Layer{"feed_forward_out", 4 * kModel, kModel},
    Layer{"vocabulary", kModel, 50265}};
constexpr std::array kRows = {1, 5, 15, 45, 90, 128, 480};
constexpr std::array kTypes = {DType::f32, DType::bf16, DType::i8};

/// A decoding step goes through all the weights before it needs a layer again. So each benchmark takes
/// turns between copies of a layer, this many bytes of them at least, or the nearest caches would answer.
constexpr std::size_t kFarAway = std::size_t{64} << 20;

std::int64_t copies_of(std::size_t bytes) {
  return static_cast<std::int64_t>((kFarAway + bytes - 1) / bytes);
}

Tensor ramp(const Shape& shape) {
  Tensor tensor(shape);
  float value = 0;
  for (float& x : tensor.mutable_values<float>())
    x = value = value > 0.5F ? -0.5F : value + 0.01F;
  return tensor;
}

/// Bytes: what has to come from memory. Operations: two a multiply-add; 0 for ops that do not multiply.
void count(benchmark::State& state, double bytes, double operations) {
  using benchmark::Counter;
  const auto times = static_cast<double>(state.iterations());
  state.counters["bytes/s"] = Counter(times * bytes, Counter::kIsRate, Counter::kIs1000);
  if (operations > 0)
    state.counters["ops/s"] = Counter(times * operations, Counter::kIsRate, Counter::kIs1000);
}

void product(benchmark::State& state, const Layer& layer, std::int64_t rows, DType type) {
  const Tensor weight = ramp({layer.out, layer.in}), bias = ramp({layer.out});
  std::vector<PackedLinear> copies;
  copies.emplace_back(weight, bias, type);
  while (static_cast<std::int64_t>(copies.size()) < copies_of(copies[0].size_bytes()))
    copies.emplace_back(weight, bias, type);
  const Tensor x = ramp({rows, layer.in});
  Tensor y({rows, layer.out});
  std::size_t next = 0;
  for (auto _ : state) {
    copies[next].forward(x, y);
    benchmark::DoNotOptimize(y.data<float>());
    next = (next + 1) % copies.size();
  }
  const auto weight_bytes = static_cast<double>(layer.in * layer.out) * static_cast<double>(size_of(type));
  count(state, weight_bytes, 2 * static_cast<double>(rows * layer.in * layer.out));
}

#ifdef LPMC_BENCH_ONEDNN

/// The same product by oneDNN's dnnl_sgemm, one call a slice of the outputs on each of our threads.
void onednn_product(benchmark::State& state, const Layer& layer, std::int64_t rows) {
  const std::int64_t width = layer.out >= 2048 ? 192 : 128;
  const std::int64_t slices = (layer.out + width - 1) / width;
  const auto weight_bytes = static_cast<std::size_t>(layer.in * layer.out) * sizeof(float);
  std::vector<Tensor> copies;
  for (std::int64_t i = 0; i < copies_of(weight_bytes); ++i)
    copies.push_back(ramp({layer.in * layer.out}));
  const Tensor x = ramp({rows, layer.in});
  Tensor y({rows, layer.out});
  std::size_t next = 0;
  for (auto _ : state) {
    const float* weights = copies[next].data<float>();
    parallel_for(slices, [&](std::int64_t slice) {
      omp_set_num_threads(1);
      const std::int64_t column = slice * width;
      const std::int64_t columns = std::min(width, layer.out - column);
      dnnl_sgemm('N', 'N', rows, columns, layer.in, 1.0F, x.data<float>(), layer.in,
                 weights + column * layer.in, columns, 0.0F, y.mutable_data<float>() + column, layer.out);
    });
    benchmark::DoNotOptimize(y.data<float>());
    next = (next + 1) % copies.size();
  }
  count(state, static_cast<double>(weight_bytes), 2 * static_cast<double>(rows * layer.in * layer.out));
}

#endif

/// The audio encoder's convolution of `segments` segments of 1024 positions, stride 2.
void convolution(benchmark::State& state, std::int64_t segments, DType type) {
  constexpr std::int64_t kPositions = 1024;
  const Tensor weight = ramp({kModel, kModel, PackedConv1d::kTaps}), bias = ramp({kModel});
  const PackedConv1d conv({weight, bias}, 2, type);
  const Tensor x = ramp({segments, kPositions, kModel});
  Tensor y({segments, conv.out_length(kPositions), kModel});
  for (auto _ : state) {
    conv.forward(x, y, true);
    benchmark::DoNotOptimize(y.data<float>());
  }
  const auto weights = static_cast<double>(weight.elements());
  const auto positions = static_cast<double>(segments * conv.out_length(kPositions));
  count(state, weights * static_cast<double>(size_of(type)), 2 * positions * weights);
}

/// Reads int8 weights as they are stored and packs them.
void packing(benchmark::State& state, DType type) {
  constexpr std::int64_t kOut = 50265;
  Tensor weight = Tensor::zeros({kOut, kModel}, DType::i8);
  const Tensor scale = ramp({kOut});
  const std::array part = {LinearPart{weight, {}, scale}};
  for (auto _ : state) {
    const PackedLinear packed(part, type);
    benchmark::DoNotOptimize(packed.size_bytes());
  }
  count(state, static_cast<double>(weight.elements()), 0);
}

/// Keys and values of `rows` hypotheses, `kBeams` a segment: the encoder's output, which beams share.
void cross_attention(benchmark::State& state, std::int64_t rows, DType type) {
  const std::int64_t segments = (rows + kBeams - 1) / kBeams;
  Tensor memory = Tensor::zeros({segments, kContext, 2 * kModel}, type);
  const std::size_t element = size_of(type);
  std::vector<ContiguousKeyValues> key_values;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::byte* keys = memory.view()[row / kBeams].bytes();
    key_values.push_back({keys, keys + static_cast<std::size_t>(kModel) * element, kContext, 2 * kModel});
  }
  const Tensor queries = ramp({rows, kModel});
  Tensor out({rows, kModel});
  const AttentionSetup setup{.heads = kHeads, .key_values = type};
  for (auto _ : state) {
    attention(queries, key_values, setup, out);
    benchmark::DoNotOptimize(out.data<float>());
  }
  count(state, static_cast<double>(memory.view().size_bytes()),
        4 * static_cast<double>(rows * kContext * kModel));
}

/// Self-attention of the 64th token: every row's past lies apart.
void self_attention(benchmark::State& state, std::int64_t rows, DType type) {
  constexpr std::int64_t kPast = 64;
  Tensor memory = Tensor::zeros({rows, kPast, 2 * kModel}, type);
  std::vector<std::byte*> places;
  for (std::int64_t i = 0; i < rows * kPast; ++i)
    places.push_back(memory.mutable_view().mutable_bytes() +
                     static_cast<std::size_t>(i * 2 * kModel) * size_of(type));
  std::vector<PastKeyValues> past;
  for (std::int64_t row = 0; row < rows; ++row)
    past.push_back({places.data() + row * kPast, kPast});
  const Tensor query_key_value = ramp({rows, 3 * kModel});
  Tensor out({rows, kModel});
  const AttentionSetup setup{.heads = kHeads, .key_values = type};
  for (auto _ : state) {
    attention_step(query_key_value, past, 0, setup, out);
    benchmark::DoNotOptimize(out.data<float>());
  }
  count(state, static_cast<double>(memory.view().size_bytes()),
        4 * static_cast<double>(rows * kPast * kModel));
}

/// Ops of one input and one output of the same shape.
template <class Op>
void rowwise(benchmark::State& state, const Shape& shape, const Op& op) {
  const Tensor x = ramp(shape);
  Tensor y(shape);
  for (auto _ : state) {
    op(x, y);
    benchmark::DoNotOptimize(y.data<float>());
  }
  count(state, 2 * static_cast<double>(x.view().size_bytes()), 0);
}

template <class... Args>
void add(const std::string& name, Args&&... args) {
  benchmark::RegisterBenchmark(name.c_str(), std::forward<Args>(args)...)
      ->Unit(benchmark::kMicrosecond)
      ->UseRealTime();
}

std::string named(const std::string& op, std::int64_t rows, DType type) {
  return op + "/rows:" + std::to_string(rows) + "/" + std::string(to_string(type));
}

void add_products() {
  for (const Layer& layer : kLayers) {
    for (const std::int64_t rows : kRows) {
      const std::string op = std::string("product/") + layer.name;
      for (const DType type : kTypes)
        add(named(op, rows, type), product, layer, rows, type);
#ifdef LPMC_BENCH_ONEDNN
      add(named(op, rows, DType::f32) + "_onednn", onednn_product, layer, rows);
#endif
    }
  }
}

void add_others() {
  for (const DType type : kTypes) {
    for (const std::int64_t segments : {1, 3})
      add("convolution/segments:" + std::to_string(segments) + "/" + std::string(to_string(type)),
          convolution, segments, type);
    add("packing/int8_to_" + std::string(to_string(type)), packing, type);
  }
  for (const std::int64_t rows : {1, 5, 15, 45, 90}) {
    for (const DType type : {DType::f32, DType::bf16}) {
      add(named("cross_attention", rows, type), cross_attention, rows, type);
      add(named("self_attention", rows, type), self_attention, rows, type);
    }
  }
  static const Tensor weight = ramp({kModel}), bias = ramp({kModel});
  const auto norm = [](const Tensor& x, Tensor& y) { layer_norm(x, weight, bias, 1e-5F, y); };
  const auto activate = [](const Tensor& x, Tensor& y) { gelu(x, y); };
  const auto normalise = [](const Tensor& x, Tensor& y) { softmax(x, y); };
  for (const std::int64_t rows : kRows) {
    const std::string suffix = "/rows:" + std::to_string(rows);
    add("layer_norm" + suffix, rowwise<decltype(norm)>, Shape{rows, kModel}, norm);
    add("gelu" + suffix, rowwise<decltype(activate)>, Shape{rows, 4 * kModel}, activate);
    add("softmax" + suffix, rowwise<decltype(normalise)>, Shape{rows, kContext}, normalise);
  }
}

}  // namespace
}  // namespace lpmc

int main(int argc, char** argv) {
  lpmc::add_products();
  lpmc::add_others();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
