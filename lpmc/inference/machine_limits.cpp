#include "lpmc/inference/machine_limits.h"

#include <algorithm>

namespace lpmc {
namespace {

/// A product of `rows` vectors with a matrix of so many weights.
NetworkWork product(double weights, double rows, DType arithmetic) {
  return {weights * static_cast<double>(size_of(arithmetic)), 2 * weights * rows};
}

NetworkWork scaled(const NetworkWork& work, double times) {
  return {work.weight_bytes * times, work.operations * times};
}

}  // namespace

NetworkWork encoder_work(const ModelConfig& config, std::int64_t segments, DType arithmetic) {
  const double d = config.d_model;
  const auto count = static_cast<double>(segments);
  constexpr double kTaps = 3;
  std::int64_t frames = num_frames(config.segment_samples(), config.mel);
  NetworkWork work = product(d * config.mel.n_mels * kTaps, static_cast<double>(frames) * count, arithmetic);
  for (int i = 1; i < config.num_conv; ++i) {
    frames = (frames + 1) / 2;
    work = work + product(d * d * kTaps, static_cast<double>(frames) * count, arithmetic);
  }
  const NetworkWork layer = product(4 * d * d + 2 * d * config.encoder_ffn_dim,
                                    static_cast<double>(config.n_ctx()) * count, arithmetic);
  return work + scaled(layer, config.encoder_layers);
}

NetworkWork cross_work(const ModelConfig& config, std::int64_t segments, DType arithmetic) {
  const double d = config.d_model;
  const auto rows = static_cast<double>(config.n_ctx() * segments);
  return scaled(product(2 * d * d, rows, arithmetic), config.decoder_layers);
}

NetworkWork step_work(const ModelConfig& config, std::int64_t rows, DType arithmetic) {
  const double d = config.d_model;
  const auto count = static_cast<double>(rows);
  // Self-attention has four matrices; of cross-attention's four, keys and values are not the step's.
  const NetworkWork layer = product(6 * d * d + 2 * d * config.decoder_ffn_dim, count, arithmetic);
  return scaled(layer, config.decoder_layers) + product(d * config.vocab_size, count, arithmetic);
}

double best_rate(const std::vector<MultiplyRate>& rates, DType arithmetic) {
  double best = 0;
  for (const MultiplyRate& rate : rates) {
    if (rate.arithmetic == arithmetic || rate.arithmetic == DType::f32)
      best = std::max(best, rate.operations_per_s);
  }
  return best;
}

double limit_s(const NetworkWork& work, const MachineLimit& limit) {
  return std::max(work.weight_bytes / limit.bytes_per_s, work.operations / limit.operations_per_s);
}

}  // namespace lpmc
