#pragma once

#include <functional>
#include <string_view>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// Called with intermediate results as they are made, so that tests can hold each stage against the
/// reference. Empty in normal use. The tensor is float32 and valid during the call. Names:
///   AudioEncoder  "conv1", "conv_stack.0", "conv_stack.1", ...: each convolution before its GELU,
///                 [batch, d_model, length] as in the reference; "audio_emb" [batch, n_ctx, d_model]
///   BartEncoder   "encoder.layernorm_embedding", "encoder.layers.0", "encoder.layers.1", ...:
///                 [batch, positions, d_model]
///   RobertaEncoder "embeddings", "encoder.layer.0", "encoder.layer.1", ...: [rows, hidden_size]
///   BartDecoder   "decoder.layernorm_embedding", "decoder.layers.0", "decoder.layers.1", ...:
///                 [rows, d_model]; "logits" [rows, vocab_size]
using StageFn = std::function<void(std::string_view name, ConstTensorView tensor)>;

}  // namespace lpmc
