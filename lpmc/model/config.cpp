#include "lpmc/model/config.h"

#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"

namespace lpmc {
namespace {

using nlohmann::json;

/// Bounds that keep a hostile config from asking for terabytes; generous beside any real model.
constexpr int kMaxWidth = 1 << 14;
constexpr int kMaxLayers = 128;
constexpr int kMaxVocab = 1 << 22;
constexpr double kMaxDuration = 120.0;

void require_if_present(const json& config, const char* key, const json& expected, std::string_view where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null() || *found == expected) return;
  fail(ErrorKind::unsupported, "{}: {}: expected {}, found {}", where, key, expected.dump(),
       found->dump(-1, ' ', true, json::error_handler_t::replace));
}

void read_token_ids(ModelConfig& c, const json& config) {
  // null means "none", unlike an absent key, which keeps the default.
  for (const auto& [key, field] : {std::pair{"forced_bos_token_id", &c.forced_bos_token_id},
                                   std::pair{"forced_eos_token_id", &c.forced_eos_token_id}}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_null()) *field = -1;
  }
}

/// The audio part: the "lpmc" object, or the original project's own keys beside BART's.
void read_audio_fields(ModelConfig& c, const json& config, std::string_view where) {
  const auto own = config.find("lpmc");
  const json& audio = own != config.end() ? *own : config;
  options_from_json(c.mel, audio, where);
  const bool is_ours = own != config.end();
  const auto read = [&](const char* key, auto& field) {
    const auto found = audio.find(key);
    if (found != audio.end()) assign_from_json(field, *found, fmt::format("{}: {}", where, key));
  };
  read(is_ours ? "duration_s" : "duration", c.duration_s);
  read(is_ours ? "num_conv" : "num_of_conv", c.num_conv);
  if (is_ours) {
    int version = 0;
    read("format_version", version);
    LPMC_REQUIRE(version == kModelFormatVersion, unsupported,
                 "{}: lpmc.format_version: expected {}, found {}; a newer lpmc wrote this model", where,
                 kModelFormatVersion, version);
  }
}

/// Fields that say the same thing twice must agree.
void check_redundant_fields(const ModelConfig& c, const json& config, std::string_view where) {
  const auto agree = [&](const char* key, std::int64_t expected) {
    const auto found = config.find(key);
    if (found == config.end()) return;
    LPMC_REQUIRE(found->is_number() && found->get<double>() == static_cast<double>(expected), unsupported,
                 "{}: {}: expected {}, found {}", where, key, expected,
                 found->dump(-1, ' ', true, json::error_handler_t::replace));
  };
  agree("win_length", c.mel.n_fft);
  agree("audio_dim", c.d_model);
  agree("n_ctx", c.n_ctx());
}

void check_range(std::string_view where, std::string_view name, double value, double low, double high) {
  LPMC_REQUIRE(value >= low && value <= high, invalid_argument, "{}: {}: expected {} to {}, found {}", where,
               name, low, high, value);
}

}  // namespace

std::int64_t ModelConfig::segment_samples() const {
  return static_cast<std::int64_t>(std::llround(duration_s * mel.sample_rate));
}

std::int64_t ModelConfig::n_ctx() const {
  std::int64_t length = num_frames(segment_samples(), mel);
  for (int i = 1; i < num_conv; ++i)
    length = (length + 1) / 2;  // stride 2, kernel 3, padding 1
  return length;
}

ModelConfig model_config_from_json(const json& config, std::string_view where) {
  LPMC_REQUIRE(config.is_object(), invalid_argument, "{}: expected a JSON object, found {}", where,
               config.type_name());
  require_if_present(config, "model_type", "bart", where);
  require_if_present(config, "activation_function", "gelu", where);
  require_if_present(config, "scale_embedding", false, where);
  require_if_present(config, "tie_word_embeddings", true, where);
  ModelConfig c;
  options_from_json(c, config, where);
  read_token_ids(c, config);
  read_audio_fields(c, config, where);
  validate(c, where);
  check_redundant_fields(c, config, where);
  return c;
}

nlohmann::json model_config_to_json(const ModelConfig& config, std::string_view dtype) {
  json out = options_to_json(config);
  for (const char* key : {"forced_bos_token_id", "forced_eos_token_id"}) {
    if (out[key] == -1) out[key] = nullptr;
  }
  out["model_type"] = "bart";
  out["architectures"] = json::array({"BartForConditionalGeneration"});
  out["is_encoder_decoder"] = true;
  out["activation_function"] = "gelu";
  out["scale_embedding"] = false;
  out["num_hidden_layers"] = config.encoder_layers;
  json audio = options_to_json(config.mel);
  audio["duration_s"] = config.duration_s;
  audio["num_conv"] = config.num_conv;
  audio["dtype"] = dtype;
  audio["format_version"] = kModelFormatVersion;
  out["lpmc"] = audio;
  return out;
}

void validate(const ModelConfig& c, std::string_view where) {
  const auto range = [&](std::string_view name, double value, double low, double high) {
    check_range(where, name, value, low, high);
  };
  range("d_model", c.d_model, 4, kMaxWidth);
  range("encoder_layers", c.encoder_layers, 1, kMaxLayers);
  range("decoder_layers", c.decoder_layers, 1, kMaxLayers);
  range("encoder_attention_heads", c.encoder_attention_heads, 1, c.d_model);
  range("decoder_attention_heads", c.decoder_attention_heads, 1, c.d_model);
  range("encoder_ffn_dim", c.encoder_ffn_dim, 1, 4 * kMaxWidth);
  range("decoder_ffn_dim", c.decoder_ffn_dim, 1, 4 * kMaxWidth);
  range("vocab_size", c.vocab_size, 4, kMaxVocab);
  range("max_position_embeddings", c.max_position_embeddings, 2, 1 << 16);
  for (const int heads : {c.encoder_attention_heads, c.decoder_attention_heads}) {
    LPMC_REQUIRE(c.d_model % heads == 0, invalid_argument,
                 "{}: attention heads: expected a divisor of d_model {}, found {}", where, c.d_model, heads);
  }
  // The sinusoids divide by d_model / 2 - 1.
  LPMC_REQUIRE(c.d_model % 2 == 0, invalid_argument, "{}: d_model: expected an even number, found {}", where,
               c.d_model);
  const int last_token = c.vocab_size - 1;
  range("bos_token_id", c.bos_token_id, 0, last_token);
  range("pad_token_id", c.pad_token_id, 0, last_token);
  range("eos_token_id", c.eos_token_id, 0, last_token);
  range("decoder_start_token_id", c.decoder_start_token_id, 0, last_token);
  range("forced_bos_token_id", c.forced_bos_token_id, -1, last_token);
  range("forced_eos_token_id", c.forced_eos_token_id, -1, last_token);
  range("sample_rate", c.mel.sample_rate, 1000, 384000);
  range("n_fft", c.mel.n_fft, 16, 1 << 16);
  range("hop_length", c.mel.hop_length, 1, c.mel.n_fft);
  range("n_mels", c.mel.n_mels, 1, 1024);
  range("f_min", c.mel.f_min, 0, c.mel.f_max);
  range("f_max", c.mel.f_max, 1, c.mel.sample_rate / 2.0);
  range("num_conv", c.num_conv, 1, 16);
  range("duration_s", c.duration_s, 0.1, kMaxDuration);
  LPMC_REQUIRE(c.segment_samples() > c.mel.n_fft / 2, invalid_argument,
               "{}: duration_s: expected more than n_fft / 2 = {} samples, found {}", where, c.mel.n_fft / 2,
               c.segment_samples());
  range("n_ctx", static_cast<double>(c.n_ctx()), 1, c.max_position_embeddings);
}

ModelConfig preset_config(std::string_view name) {
  ModelConfig c;
  if (name == "bart-base") return c;
  if (name == "small") {
    c.d_model = 256;
    c.encoder_layers = c.decoder_layers = 3;
    c.encoder_attention_heads = c.decoder_attention_heads = 4;
    c.encoder_ffn_dim = c.decoder_ffn_dim = 1024;
    c.vocab_size = 1382;
    return c;
  }
  if (name == "tiny") {
    c.d_model = 64;
    c.encoder_layers = c.decoder_layers = 2;
    c.encoder_attention_heads = c.decoder_attention_heads = 4;
    c.encoder_ffn_dim = c.decoder_ffn_dim = 128;
    c.vocab_size = 200;
    c.max_position_embeddings = 130;
    return c;
  }
  fail(ErrorKind::not_found, "preset '{}': expected bart-base, small or tiny", name);
}

}  // namespace lpmc
