#include <cmath>
#include <numbers>

#include "lpmc/base/threads.h"
#include "lpmc/model/weights.h"

namespace lpmc {
namespace {

/// BART's init_std.
constexpr float kInitStd = 0.02F;

/// SplitMix64's mixing function: element i of a tensor depends on (seed, tensor, i) alone, so the
/// weights do not depend on the number of threads.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint64_t stream_of(std::uint64_t seed, std::string_view name) {
  std::uint64_t stream = mix(seed);
  for (const char c : name)
    stream = mix(stream ^ static_cast<std::uint8_t>(c));
  return stream;
}

/// In (0, 1), never 0.
float uniform(std::uint64_t bits) {
  return (static_cast<float>(bits >> 40) + 0.5F) * 0x1p-24F;
}

constexpr std::int64_t kBlock = 1 << 16;

void fill_normal(std::span<float> values, std::uint64_t stream) {
  const auto pairs = static_cast<std::int64_t>((values.size() + 1) / 2);
  parallel_for((pairs + kBlock - 1) / kBlock, [&](std::int64_t block) {
    const std::int64_t end = std::min(pairs, (block + 1) * kBlock);
    for (std::int64_t i = block * kBlock; i < end; ++i) {  // Box-Muller
      const std::uint64_t bits = mix(stream + static_cast<std::uint64_t>(i));
      const float radius = kInitStd * std::sqrt(-2.0F * std::log(uniform(bits)));
      const float angle = 2.0F * std::numbers::pi_v<float> * uniform(bits << 24);
      const auto index = static_cast<std::size_t>(2 * i);
      values[index] = radius * std::cos(angle);
      if (index + 1 < values.size()) values[index + 1] = radius * std::sin(angle);
    }
  });
}

void fill_uniform(std::span<float> values, std::uint64_t stream, float bound) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = bound * (2.0F * uniform(mix(stream + i)) - 1.0F);
  }
}

Tensor initial_value(std::string_view name, const Shape& shape, const ModelConfig& config,
                     std::uint64_t seed) {
  Tensor tensor = Tensor::zeros(shape);
  const std::span<float> values = tensor.mutable_values<float>();
  const std::uint64_t stream = stream_of(seed, name);
  if (name.starts_with("audio_encoder.conv")) {
    // torch's Conv1d: uniform within 1 / sqrt(in * kernel), weight and bias alike
    const std::int64_t in = name.starts_with("audio_encoder.conv1.") ? config.mel.n_mels : config.d_model;
    fill_uniform(values, stream, 1.0F / std::sqrt(static_cast<float>(in * 3)));
  } else if (name.find("layer_norm") != std::string_view::npos ||
             name.find("layernorm") != std::string_view::npos) {
    if (name.ends_with(".weight")) std::fill(values.begin(), values.end(), 1.0F);
  } else if (name.ends_with(".weight")) {
    fill_normal(values, stream);
    if (name == "bart.model.shared.weight") {  // the padding token's row stays zero
      const auto width = static_cast<std::size_t>(config.d_model);
      const auto begin = static_cast<std::size_t>(config.pad_token_id) * width;
      std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(begin), width, 0.0F);
    }
  }
  return tensor;
}

}  // namespace

LoadedWeights random_weights(const ModelConfig& config, std::uint64_t seed) {
  LoadedWeights out;
  visit_weights(out.weights, config,
                [&](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::alias) return;
                  const bool learned = role != WeightRole::computed_buffer;
                  Tensor tensor =
                      learned ? initial_value(name, shape, config, seed) : computed_buffer(name, config);
                  field = out.store.tensors.emplace_back(std::move(tensor));
                });
  return out;
}

}  // namespace lpmc
