#include "lpmc/model/roberta.h"

#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/base/utf8.h"
#include "lpmc/model/model_dir.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Bounds that keep a hostile config from asking for terabytes.
constexpr int kMaxWidth = 1 << 14;
constexpr int kMaxLayers = 128;
constexpr int kMaxVocab = 1 << 22;
constexpr int kMaxPositions = 1 << 16;

constexpr std::string_view kPrefix = "roberta.";
constexpr std::string_view kWordEmbeddings = "embeddings.word_embeddings.weight";

void require_if_present(const json& config, const char* key, std::string_view expected,
                        std::string_view where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null() || *found == expected) return;
  fail(ErrorKind::unsupported, "{}: {}: expected \"{}\", found {}", where, key, expected,
       found->dump(-1, ' ', true, json::error_handler_t::replace));
}

void validate(const RobertaConfig& c, std::string_view where) {
  const auto in_range = [&](std::string_view name, int value, int low, int high) {
    LPMC_REQUIRE(value >= low && value <= high, invalid_argument, "{}: {}: expected {} to {}, found {}",
                 where, name, low, high, value);
  };
  in_range("hidden_size", c.hidden_size, 1, kMaxWidth);
  in_range("num_hidden_layers", c.num_hidden_layers, 1, kMaxLayers);
  in_range("num_attention_heads", c.num_attention_heads, 1, c.hidden_size);
  in_range("intermediate_size", c.intermediate_size, 1, kMaxWidth * 4);
  in_range("vocab_size", c.vocab_size, 1, kMaxVocab);
  in_range("max_position_embeddings", c.max_position_embeddings, 1, kMaxPositions);
  in_range("type_vocab_size", c.type_vocab_size, 1, kMaxWidth);
  for (const auto& [name, id] :
       {std::pair{"bos_token_id", c.bos_token_id}, std::pair{"pad_token_id", c.pad_token_id},
        std::pair{"eos_token_id", c.eos_token_id}}) {
    in_range(name, id, 0, c.vocab_size - 1);
  }
  LPMC_REQUIRE(c.max_tokens() >= 2, invalid_argument,
               "{}: max_position_embeddings: expected at least pad_token_id + 3 = {}, found {}", where,
               c.pad_token_id + 3, c.max_position_embeddings);
  LPMC_REQUIRE(c.hidden_size % c.num_attention_heads == 0, invalid_argument,
               "{}: num_attention_heads: expected a divisor of hidden_size {}, found {}", where,
               c.hidden_size, c.num_attention_heads);
  LPMC_REQUIRE(c.layer_norm_eps > 0 && c.layer_norm_eps < 1, invalid_argument,
               "{}: layer_norm_eps: expected over 0 and below 1, found {}", where, c.layer_norm_eps);
}

/// Takes tensors out of a file by RobertaModel's names.
class RobertaLoader {
 public:
  RobertaLoader(const TensorFile& file, WeightStore& store)
      : file_(file),
        store_(store),
        where_(display_path(file.path())),
        prefix_(file.find(fmt::format("{}{}", kPrefix, kWordEmbeddings)) != nullptr ? kPrefix : "") {}

  ConstTensorView tensor(std::string_view name, const Shape& shape) {
    const StoredTensor* entry = file_.find(fmt::format("{}{}", prefix_, name));
    LPMC_REQUIRE(entry != nullptr, corrupt, "{}: {}: expected {}, found no such tensor", where_, name,
                 to_string(shape));
    LPMC_REQUIRE(entry->shape == shape, corrupt, "{}: {}: expected {}, found {}", where_, name,
                 to_string(shape), to_string(entry->shape));
    LPMC_REQUIRE(is_floating_point(entry->dtype), corrupt, "{}: {}: expected a floating-point type, found {}",
                 where_, name, to_string(entry->dtype));
    return stored_view(*entry, store_);
  }

  LinearWeights linear(const std::string& name, std::int64_t out, std::int64_t in) {
    return {tensor(name + ".weight", {out, in}), tensor(name + ".bias", {out})};
  }

  LayerNormWeights layer_norm(const std::string& name, std::int64_t width) {
    return {tensor(name + ".weight", {width}), tensor(name + ".bias", {width})};
  }

  EncoderLayerWeights layer(int number, const RobertaConfig& c) {
    const std::string name = fmt::format("encoder.layer.{}.", number);
    const std::int64_t d = c.hidden_size;
    const std::int64_t wide = c.intermediate_size;
    EncoderLayerWeights layer;
    layer.self_attn.q_proj = linear(name + "attention.self.query", d, d);
    layer.self_attn.k_proj = linear(name + "attention.self.key", d, d);
    layer.self_attn.v_proj = linear(name + "attention.self.value", d, d);
    layer.self_attn.out_proj = linear(name + "attention.output.dense", d, d);
    layer.self_attn_layer_norm = layer_norm(name + "attention.output.LayerNorm", d);
    layer.fc1 = linear(name + "intermediate.dense", wide, d);
    layer.fc2 = linear(name + "output.dense", d, wide);
    layer.final_layer_norm = layer_norm(name + "output.LayerNorm", d);
    return layer;
  }

 private:
  const TensorFile& file_;
  WeightStore& store_;
  std::string where_;
  std::string_view prefix_;
};

std::optional<fs::path> file_in(const fs::path& folder, std::string_view name) {
  std::error_code ignored;
  if (!fs::is_regular_file(folder / name, ignored)) return std::nullopt;
  return folder / name;
}

/// The folder, or nothing when there is none of this name.
std::optional<fs::path> folder_of(std::string_view model) {
  std::error_code ignored;
  if (fs::is_directory(fs::path(model), ignored)) return fs::path(model);
  if (model.empty() || model.find('/') != std::string_view::npos || model.starts_with('.'))
    return std::nullopt;
  for (const fs::path& folder : model_search_path()) {
    if (file_in(folder / model, "config.json")) return folder / model;
  }
  return std::nullopt;
}

}  // namespace

RobertaConfig roberta_config_from_json(const json& config, std::string_view where) {
  RobertaConfig c;
  options_from_json(c, config, where);
  require_if_present(config, "model_type", "roberta", where);
  require_if_present(config, "hidden_act", "gelu", where);
  require_if_present(config, "position_embedding_type", "absolute", where);
  validate(c, where);
  return c;
}

RobertaFiles find_roberta(std::string_view model) {
  const auto folder = folder_of(model);
  const std::string name = replace_invalid_utf8(model);
  LPMC_REQUIRE(
      folder, not_found,
      "RoBERTa model '{}': no folder of this name, and no such model among those pulled; `lpmc model "
      "pull roberta-large` fetches the published one",
      name);
  const auto require = [&](std::string_view file) {
    const auto path = file_in(*folder, file);
    LPMC_REQUIRE(path, not_found, "{}: expected {} in the RoBERTa folder, found none", display_path(*folder),
                 file);
    return *path;
  };
  RobertaFiles files{.name = name,
                     .config = require("config.json"),
                     .weights = {},
                     .vocab = require("vocab.json"),
                     .merges = require("merges.txt")};
  auto weights = file_in(*folder, "model.safetensors");
  if (!weights) weights = file_in(*folder, "pytorch_model.bin");
  LPMC_REQUIRE(weights, not_found,
               "{}: expected model.safetensors or pytorch_model.bin in the RoBERTa folder, found neither",
               display_path(*folder));
  files.weights = *weights;
  return files;
}

int default_bertscore_layer(const RobertaConfig& config) {
  constexpr std::array<std::pair<int, int>, 3> kLayers = {{{24, 17}, {12, 10}, {6, 5}}};
  for (const auto& [depth, layer] : kLayers) {
    if (config.num_hidden_layers == depth) return layer;
  }
  return config.num_hidden_layers;
}

RobertaModel open_roberta(const RobertaFiles& files, int layers) {
  RobertaModel model;
  model.files = files;
  model.config = roberta_config_from_json(read_json_file(files.config), display_path(files.config));
  const RobertaConfig& c = model.config;
  if (layers == 0) layers = default_bertscore_layer(c);
  LPMC_REQUIRE(layers >= 1 && layers <= c.num_hidden_layers, invalid_argument,
               "{}: layer: expected 1 to {}, found {}", files.name, c.num_hidden_layers, layers);
  model.store.files.push_back(TensorFile::open(files.weights));
  model.weights.mapped = model.store.files.front().bytes();
  RobertaLoader load(model.store.files.front(), model.store);
  const std::int64_t d = c.hidden_size;
  RobertaWeights& w = model.weights;
  w.word_embeddings = load.tensor(kWordEmbeddings, {c.vocab_size, d});
  w.position_embeddings =
      load.tensor("embeddings.position_embeddings.weight", {c.max_position_embeddings, d});
  w.token_type_embeddings = load.tensor("embeddings.token_type_embeddings.weight", {c.type_vocab_size, d});
  w.embedding_norm = load.layer_norm("embeddings.LayerNorm", d);
  for (int i = 0; i < layers; ++i)
    w.layers.push_back(load.layer(i, c));
  return model;
}

}  // namespace lpmc
