#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/mapped_file.h"
#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/model/config.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// weight [out, in], bias [out]; y = x weight^T + bias. An int8 weight has its scale [out] float32;
/// for the others `scale` is null.
struct LinearWeights {
  ConstTensorView weight, bias;
  ConstTensorView scale = {};
};

struct LayerNormWeights {
  ConstTensorView weight, bias;  // [d_model]
};

struct AttentionWeights {
  LinearWeights k_proj, v_proj, q_proj, out_proj;  // [d_model, d_model]
};

/// weight [out, in, kernel], bias [out], scale as LinearWeights
struct ConvWeights {
  ConstTensorView weight, bias;
  ConstTensorView scale = {};
};

struct EncoderLayerWeights {
  AttentionWeights self_attn;
  LayerNormWeights self_attn_layer_norm;
  LinearWeights fc1, fc2;
  LayerNormWeights final_layer_norm;
};

struct DecoderLayerWeights {
  AttentionWeights self_attn;
  LayerNormWeights self_attn_layer_norm;
  AttentionWeights encoder_attn;
  LayerNormWeights encoder_attn_layer_norm;
  LinearWeights fc1, fc2;
  LayerNormWeights final_layer_norm;
};

/// All weights of a model, as views of memory that a WeightStore keeps. Elements are float32, f16
/// or bf16 as they were stored; the weights of products and `shared` may be int8 with scales.
struct ModelWeights {
  ConstTensorView final_logits_bias;  // [1, vocab]
  ConstTensorView shared;             // [vocab, d_model]; also both token embeddings and the output layer
  ConstTensorView shared_scale;       // [vocab] where `shared` is int8, else null
  ConstTensorView encoder_embed_positions, decoder_embed_positions;  // [max_position_embeddings + 2, d_model]
  std::vector<EncoderLayerWeights> encoder_layers;
  LayerNormWeights encoder_layernorm_embedding;
  std::vector<DecoderLayerWeights> decoder_layers;
  LayerNormWeights decoder_layernorm_embedding;
  ConstTensorView positional_embedding;  // [n_ctx, d_model]
  ConstTensorView mel_window;            // [n_fft]
  ConstTensorView mel_filterbank;        // [n_fft / 2 + 1, n_mels]
  ConvWeights conv1;                     // [d_model, n_mels, 3]
  std::vector<ConvWeights> conv_stack;   // [d_model, d_model, 3], num_conv - 1 of them

  /// The mapped file that the views above look into; empty where their memory is another.
  std::span<const std::byte> mapped;
  /// Gives the mapped file's pages in memory back to the system; they are read again when touched. For
  /// those who pack weights, after each part: what was packed need not stay in memory twice.
  void give_back_pages() const { drop_pages(mapped); }
};

/// What a weight is, for those who save, load, initialise or count.
enum class WeightRole {
  matrix,           ///< learned, the weight of a product: the one role that may be int8
  scale,            ///< of the matrix before it, [rows] float32; visited only where that is int8
  parameter,        ///< learned, everything else
  alias,            ///< another name of `shared`: in the original's files, not in ours
  buffer,           ///< stored but not learned: final_logits_bias
  computed_buffer,  ///< follows from the config: sinusoids, window, filter bank
};

inline bool is_learned(WeightRole role) {
  return role == WeightRole::matrix || role == WeightRole::parameter;
}

/// What follows a matrix' name in its scale's: "bart.model.shared.weight_scale".
inline constexpr std::string_view kScaleSuffix = "_scale";

/// Calls visit(name, shape, role, field) for every entry of the original's state dict, in its order;
/// `name` is the reference's, `field` the ConstTensorView in `weights` (for an alias: `shared`). A
/// matrix that is int8 when its visit returns is followed by its scale, which is ours.
/// The one place where weight names stand. Sizes the layer vectors of `weights` first.
template <class Visitor>
void visit_weights(ModelWeights& weights, const ModelConfig& config, Visitor&& visit);

/// Number of parameters (aliases, scales and buffers not counted).
std::int64_t count_parameters(const ModelConfig& config);

/// Memory behind a ModelWeights: a mapped file, tensors of our own, or both.
struct WeightStore {
  std::vector<TensorFile> files;
  std::vector<Tensor> tensors;
};

/// float32, f16, bf16 or f64: the types that weights are stored in, int8 apart.
bool is_floating_point(DType dtype);

/// Moves a tensor into the store.   @return a view of it
ConstTensorView keep_tensor(Tensor tensor, WeightStore& store);

/// The mapped bytes of a stored tensor where they can be used in place, else a copy that the store keeps.
/// float64 becomes float32.
ConstTensorView stored_view(const StoredTensor& entry, WeightStore& store);

struct LoadedWeights {
  ModelWeights weights;
  WeightStore store;
};

/// Takes the weights of a model out of a file: `module.` prefixes are stripped, tied copies are
/// checked to be equal to the shared one, computed buffers that the file lacks are computed. Matrices
/// stay mapped and unread; scales are read and checked.
/// @throws Error(corrupt) naming the tensor, the expected and the found, when one is missing, left
/// over or of another shape or type, or a scale is not a positive number
LoadedWeights load_weights(TensorFile file, const ModelConfig& config);

/// Random weights by the original's rules (normal 0.02, zeros, ones; convolutions uniform as
/// torch's default). Equal seeds give equal weights.
LoadedWeights random_weights(const ModelConfig& config, std::uint64_t seed);

/// The sinusoids added after the convolutions, [n_ctx, d_model] float32.
/// Source: lp-music-caps model/modules.py; the first half of the channels sine, the second cosine.
Tensor sinusoidal_positions(const ModelConfig& config);

/// The value of a computed buffer of this name (sinusoids, window or filter bank) under `config`.
Tensor computed_buffer(std::string_view name, const ModelConfig& config);

/// How weights are stored.
struct StorageTypes {
  DType matrices = DType::f32;  ///< f32, f16, bf16 or i8 (with a scale beside each)
  DType others = DType::f32;    ///< f32, f16 or bf16

  StorageTypes() = default;
  StorageTypes(DType of_matrices, DType of_others) : matrices(of_matrices), others(of_others) {}
  /// One type for all; with i8, which others cannot have, they are float32.
  StorageTypes(DType all) : StorageTypes(all, all == DType::i8 ? DType::f32 : all) {}  // NOLINT: on purpose
};

/// Writes the weights as safetensors: parameters and buffers under the reference's names, rounded to
/// the types given, without aliases; computed buffers only where they differ from what the config
/// gives. Matrices that are int8 already are written as they are, or dequantized.
/// @throws Error(invalid_argument) when a value to be quantized is NaN or infinite
void save_weights(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                  const StorageTypes& types);

/// Writes the weights as the original's checkpoint: float32, all entries of its state dict, tied
/// ones sharing their storage, so that its strict load_state_dict accepts them.
void export_pth(const std::filesystem::path& path, const ModelConfig& config, const LoadedWeights& model,
                std::int64_t epoch);

/// Throws Error(corrupt) naming the first parameter that holds NaN or infinity, or an int8 outside
/// [-127, 127].
void check_finite(const ModelConfig& config, const LoadedWeights& model);

}  // namespace lpmc

#include "lpmc/model/weights_visit.h"  // IWYU pragma: export
