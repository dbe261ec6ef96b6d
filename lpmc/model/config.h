#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "lpmc/audio/log_mel.h"

namespace lpmc {

/// The shape of a captioning network: log-mel, a stack of convolutions, BART. Defaults are the
/// published model's (facebook/bart-base); every size in the program comes from here.
struct ModelConfig {
  // BART, named as in its config.json.
  int d_model = 768;
  int encoder_layers = 6;
  int decoder_layers = 6;
  int encoder_attention_heads = 12;
  int decoder_attention_heads = 12;
  int encoder_ffn_dim = 3072;
  int decoder_ffn_dim = 3072;
  int vocab_size = 50265;
  int max_position_embeddings = 1024;
  std::int32_t bos_token_id = 0;
  std::int32_t pad_token_id = 1;
  std::int32_t eos_token_id = 2;
  std::int32_t decoder_start_token_id = 2;
  std::int32_t forced_bos_token_id = 0;  ///< -1 = none
  std::int32_t forced_eos_token_id = 2;  ///< -1 = none

  // The audio side, in config.json under "lpmc".
  MelConfig mel;
  double duration_s = 10.0;  ///< seconds of a segment
  int num_conv = 6;          ///< convolutions; all but the first halve the length

  /// Learned position tables have two rows more than positions, and start there: BART's offset.
  static constexpr int kPositionOffset = 2;

  /// Samples of a segment.
  std::int64_t segment_samples() const;
  /// Encoder positions of a segment: frames - 1 halved (num_conv - 1) times, plus 1. 32 for 10 s.
  std::int64_t n_ctx() const;

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

template <class Field>
void visit(ModelConfig& c, Field&& field) {
  field("d-model", c.d_model, "width of the network");
  field("encoder-layers", c.encoder_layers, "");
  field("decoder-layers", c.decoder_layers, "");
  field("encoder-attention-heads", c.encoder_attention_heads, "");
  field("decoder-attention-heads", c.decoder_attention_heads, "");
  field("encoder-ffn-dim", c.encoder_ffn_dim, "");
  field("decoder-ffn-dim", c.decoder_ffn_dim, "");
  field("vocab-size", c.vocab_size, "");
  field("max-position-embeddings", c.max_position_embeddings, "longest token sequence");
  field("bos-token-id", c.bos_token_id, "");
  field("pad-token-id", c.pad_token_id, "");
  field("eos-token-id", c.eos_token_id, "");
  field("decoder-start-token-id", c.decoder_start_token_id, "");
  field("forced-bos-token-id", c.forced_bos_token_id, "");
  field("forced-eos-token-id", c.forced_eos_token_id, "");
}

/// The version of the "lpmc" part of config.json that this program writes and reads.
inline constexpr int kModelFormatVersion = 1;

/// Reads a config.json: BART's fields, and the "lpmc" object or, where there is none, the audio
/// fields of the original project beside them (sample_rate, duration, n_mels, num_of_conv, ...).
/// Absent fields keep the defaults above.
/// @param where names the file in errors
/// @throws Error(invalid_argument) for a field of the wrong type or a size that makes no sense,
/// Error(unsupported) for another architecture, activation or a newer format version
ModelConfig model_config_from_json(const nlohmann::json& json, std::string_view where);

/// config.json as lpmc writes it. `dtype` is the storage type of the weights ("float32", ...).
nlohmann::json model_config_to_json(const ModelConfig& config, std::string_view dtype);

/// Throws Error(invalid_argument) naming the first field that makes no sense.
void validate(const ModelConfig& config, std::string_view where);

/// "bart-base" (the published size), "small" (the size of the model that ships), "tiny" (for tests).
/// @throws Error(not_found) for another name
ModelConfig preset_config(std::string_view name);

}  // namespace lpmc
