#include "lpmc/model/config.h"

#include <nlohmann/json.hpp>

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using nlohmann::json;
using test::ThrowsLpmc;

TEST(ModelConfig, DefaultsAreThePublishedModel) {
  const ModelConfig config;
  EXPECT_EQ(config.segment_samples(), 160000);
  EXPECT_EQ(config.n_ctx(), 32);
  EXPECT_NO_THROW(validate(config, "default"));
}

TEST(ModelConfig, PositionsFollowTheConvolutions) {
  ModelConfig config;
  config.num_conv = 1;
  EXPECT_EQ(config.n_ctx(), 1001);
  config.num_conv = 3;
  EXPECT_EQ(config.n_ctx(), 251);
}

TEST(ModelConfig, SurvivesTheTripThroughJson) {
  ModelConfig config = preset_config("tiny");
  config.forced_bos_token_id = -1;
  config.mel.n_mels = 64;
  config.duration_s = 5;
  const json stored = model_config_to_json(config, "float16");
  EXPECT_EQ(stored["lpmc"]["dtype"], "float16");
  EXPECT_TRUE(stored["forced_bos_token_id"].is_null());
  EXPECT_EQ(model_config_from_json(stored, "config.json"), config);
}

TEST(ModelConfig, ReadsTheOriginalProjectsFields) {
  const json original = json::parse(R"({"d_model": 256, "encoder_layers": 3, "decoder_layers": 3,
      "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 1024, "decoder_ffn_dim": 1024,
      "vocab_size": 1382, "sample_rate": 16000, "duration": 10, "n_mels": 128, "num_of_conv": 6, "n_ctx": 32,
      "win_length": 1024, "audio_dim": 256, "num_beams": 4, "model_type": "bart"})");
  const ModelConfig config = model_config_from_json(original, "config.json");
  EXPECT_EQ(config, preset_config("small"));
}

TEST(ModelConfig, NamesTheFieldThatMakesNoSense) {
  const auto read = [](const char* text) { return model_config_from_json(json::parse(text), "c.json"); };
  EXPECT_THAT(
      [&] { read(R"({"d_model": "wide"})"); },
      ThrowsLpmc(ErrorKind::invalid_argument, R"(c.json: d_model: expected a whole number, found "wide")"));
  EXPECT_THAT([&] { read(R"({"d_model": -8})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "c.json: d_model: expected 4 to"));
  EXPECT_THAT([&] { read(R"({"d_model": 100, "encoder_attention_heads": 12})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a divisor of d_model 100, found 12"));
  EXPECT_THAT([&] { read(R"({"activation_function": "relu"})"); },
              ThrowsLpmc(ErrorKind::unsupported, R"(activation_function: expected "gelu", found "relu")"));
  EXPECT_THAT([&] { read(R"({"model_type": "t5"})"); }, ThrowsLpmc(ErrorKind::unsupported, "model_type"));
  EXPECT_THAT([&] { read(R"({"n_ctx": 33})"); },
              ThrowsLpmc(ErrorKind::unsupported, "n_ctx: expected 32, found 33"));
  EXPECT_THAT([&] { read(R"({"lpmc": {"format_version": 2}})"); },
              ThrowsLpmc(ErrorKind::unsupported, "a newer lpmc"));
  EXPECT_THAT([&] { read(R"({"lpmc": 3})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a JSON object"));
  EXPECT_THAT([&] { read(R"({"duration": 0.01})"); }, ThrowsLpmc(ErrorKind::invalid_argument, "duration_s"));
  EXPECT_THAT([&] { read(R"({"eos_token_id": 60000})"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "eos_token_id"));
  EXPECT_THAT([&] { read("[1]"); }, ThrowsLpmc(ErrorKind::invalid_argument, "found array"));
  EXPECT_THAT([] { preset_config("huge"); },
              ThrowsLpmc(ErrorKind::not_found, "expected bart-base, small or tiny"));
}

}  // namespace
}  // namespace lpmc
