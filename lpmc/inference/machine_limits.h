#pragma once

#include <cstdint>
#include <vector>

#include "lpmc/model/config.h"
#include "lpmc/ops/machine_limits.h"  // IWYU pragma: export
#include "lpmc/tensor/dtype.h"

namespace lpmc {

/// What a part of the network asks of the machine: products with weights, and nothing else. Attention,
/// norms and GELU are left out, so that a limit made of this is one that no implementation beats.
struct NetworkWork {
  double weight_bytes = 0;  ///< read once each
  double operations = 0;    ///< two a multiply-add

  friend NetworkWork operator+(NetworkWork a, const NetworkWork& b) {
    return {a.weight_bytes + b.weight_bytes, a.operations + b.operations};
  }
};

/// The convolutions and the encoder, for `segments` segments at once.
NetworkWork encoder_work(const ModelConfig& config, std::int64_t segments, DType arithmetic);

/// The cross-attention keys and values of `segments` segments (BartDecoder::add_segments).
NetworkWork cross_work(const ModelConfig& config, std::int64_t segments, DType arithmetic);

/// One step of the decoder, output layer included, with `rows` hypotheses.
NetworkWork step_work(const ModelConfig& config, std::int64_t rows, DType arithmetic);

/// What a machine can do, for one arithmetic.
struct MachineLimit {
  double bytes_per_s = 0;
  double operations_per_s = 0;
};

/// The rate that counts for `arithmetic`: the best of its own and of float32's, since narrower operands
/// can be widened first.
double best_rate(const std::vector<MultiplyRate>& rates, DType arithmetic);

/// max(bytes / bandwidth, operations / rate)
double limit_s(const NetworkWork& work, const MachineLimit& limit);

}  // namespace lpmc
