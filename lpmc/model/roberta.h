#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lpmc/model/weights.h"

namespace lpmc {

/// The shape of a RoBERTa, named as in its config.json. Defaults are roberta-large's.
struct RobertaConfig {
  int hidden_size = 1024;
  int num_hidden_layers = 24;
  int num_attention_heads = 16;
  int intermediate_size = 4096;
  int vocab_size = 50265;
  int max_position_embeddings = 514;
  int type_vocab_size = 1;
  double layer_norm_eps = 1e-5;
  std::int32_t bos_token_id = 0;
  std::int32_t pad_token_id = 1;
  std::int32_t eos_token_id = 2;

  /// Longest sequence: positions count from pad_token_id + 1, so as many rows of the table are never used.
  int max_tokens() const { return max_position_embeddings - pad_token_id - 1; }
};

template <class Field>
void visit(RobertaConfig& c, Field&& field) {
  field("hidden-size", c.hidden_size, "width of the network");
  field("num-hidden-layers", c.num_hidden_layers, "");
  field("num-attention-heads", c.num_attention_heads, "");
  field("intermediate-size", c.intermediate_size, "");
  field("vocab-size", c.vocab_size, "");
  field("max-position-embeddings", c.max_position_embeddings, "");
  field("type-vocab-size", c.type_vocab_size, "");
  field("layer-norm-eps", c.layer_norm_eps, "");
  field("bos-token-id", c.bos_token_id, "");
  field("pad-token-id", c.pad_token_id, "");
  field("eos-token-id", c.eos_token_id, "");
}

/// Reads a RoBERTa's config.json. Absent fields keep the defaults above.
/// @param where names the file in errors
/// @throws Error(invalid_argument) for a field of the wrong type or a size that makes no sense,
/// Error(unsupported) for another architecture, activation or kind of positions
RobertaConfig roberta_config_from_json(const nlohmann::json& json, std::string_view where);

/// Views of memory that a WeightStore keeps; elements are float32, f16 or bf16.
struct RobertaWeights {
  ConstTensorView word_embeddings;        // [vocab_size, hidden_size]
  ConstTensorView position_embeddings;    // [max_position_embeddings, hidden_size]
  ConstTensorView token_type_embeddings;  // [type_vocab_size, hidden_size]
  LayerNormWeights embedding_norm;
  std::vector<EncoderLayerWeights> layers;  // the first ones; those above were not asked for

  std::span<const std::byte> mapped;
  /// As ModelWeights::give_back_pages.
  void give_back_pages() const { drop_pages(mapped); }
};

/// Where the parts of a RoBERTa lie: a folder as Hugging Face has them.
struct RobertaFiles {
  std::string name;  ///< as the user said it
  std::filesystem::path config, weights, vocab, merges;
};

struct RobertaModel {
  RobertaFiles files;
  RobertaConfig config;
  RobertaWeights weights;
  WeightStore store;
};

/// @param model a folder with config.json, model.safetensors or pytorch_model.bin, vocab.json and
/// merges.txt, or the name of one in model_search_path()
/// @throws Error(not_found) saying what is missing and where it was looked for
RobertaFiles find_roberta(std::string_view model);

/// The layer whose output bert_score compares where nothing else is asked for: 17 of 24, 10 of 12, 5 of 6
/// (roberta-large, roberta-base, distilroberta-base), else the last.
int default_bertscore_layer(const RobertaConfig& config);

/// Reads the configuration, checks it against the weights and maps them. Names are those of Hugging Face's
/// RobertaModel, with or without "roberta." before them; what it has beyond the layers asked for (heads, a
/// pooler, higher layers) is not looked at.
/// @param layers the number of layers that will be run, from the lowest; 0 = default_bertscore_layer
/// @throws Error(corrupt, invalid_argument, unsupported, not_found) naming file, tensor, expected, found
RobertaModel open_roberta(const RobertaFiles& files, int layers = 0);

}  // namespace lpmc
