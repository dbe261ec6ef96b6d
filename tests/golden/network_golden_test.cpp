// The network against the reference implementation's activations, stage by stage. The input is the
// reference's own log-mel, so that a difference is the network's.

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/threads.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/npy.h"

namespace lpmc::test {
namespace {

// What the issue asks for; MODEL.md and fixtures/README.md say what float32 itself makes of the stages
// (2e-5 for the encoder's output). The convolutions' sums have 3 * d_model terms of the size of a
// log-mel value (up to 100), hence the same figure there.
constexpr double kTolerance = 1e-4;

struct Network {
  ModelConfig config;
  LoadedWeights loaded;

  Network(const std::filesystem::path& checkpoint, const std::filesystem::path& config_file)
      : config(model_config_from_json(nlohmann::json::parse(read_file(config_file)), config_file.string())),
        loaded(load_weights(TensorFile::open(checkpoint), config)) {}
  const ModelWeights& weights() const { return loaded.weights; }
};

Network tiny() {
  return {*fixtures() / "model/tiny.pth", *fixtures() / "model/tiny_config.json"};
}

/// Keeps every stage that a network reports.
class Stages {
 public:
  StageFn record() {
    return [this](std::string_view name, ConstTensorView tensor) {
      tensors_.insert_or_assign(std::string(name), Tensor::copy_of(tensor));
    };
  }
  double difference(const std::string& stage, const Tensor& expected) const {
    return max_abs_difference(tensors_.at(stage).values<float>(), expected.values<float>());
  }
  const Tensor& at(const std::string& stage) const { return tensors_.at(stage); }

 private:
  std::map<std::string, Tensor> tensors_;
};

TEST(NetworkGolden, convolutions_and_encoder) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const Network network = tiny();
  const auto golden = read_npz(*fixtures() / "model/stages.npz");
  Stages stages;
  const Tensor embeddings =
      AudioEncoder(network.config, network.weights()).forward(golden.at("mel"), stages.record());
  BartEncoder(network.config, network.weights()).forward(embeddings, stages.record());
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"conv_stack.2", "conv4_pre_gelu"},
      {"conv_stack.3", "conv5_pre_gelu"},
      {"conv_stack.4", "conv6_pre_gelu"},
      {"audio_emb", "audio_emb"},
      {"encoder.layernorm_embedding", "enc_ln_emb"},
      {"encoder.layers.0", "enc_layer0"},
      {"encoder.layers.1", "enc_layer1"},
      {"encoder.layers.1", "encoder_out"}};
  for (const auto& [stage, key] : pairs) {
    const double difference = stages.difference(stage, golden.at(key));
    EXPECT_LE(difference, kTolerance) << stage;
    RecordProperty(key, std::to_string(difference));
  }
  // Of the second convolution the reference kept the first 64 positions.
  const Tensor& conv2 = golden.at("conv2_pre_gelu");
  const Tensor& found = stages.at("conv_stack.0");
  for (std::int64_t item = 0; item < conv2.size(0); ++item) {
    for (std::int64_t channel = 0; channel < conv2.size(1); ++channel) {
      const auto expected = conv2.view()[item][channel].values<float>();
      EXPECT_LE(
          max_abs_difference(found.view()[item][channel].values<float>().first(expected.size()), expected),
          kTolerance);
    }
  }
}

TEST(NetworkGolden, decoder_teacher_forced) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const Network network = tiny();
  const auto golden = read_npz(*fixtures() / "model/stages.npz");
  const auto ids = golden.at("decoder_input_ids").values<std::int64_t>();
  const auto mask = golden.at("attention_mask").values<std::int64_t>();
  const std::int64_t length = golden.at("decoder_input_ids").size(1);
  const BartDecoder decoder(network.config, network.weights());
  KvCache cache;
  decoder.add_segments(cache, golden.at("encoder_out"));
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"decoder.layernorm_embedding", "dec_ln_emb"},
      {"decoder.layers.0", "dec_layer0"},
      {"decoder.layers.1", "dec_layer1"},
      {"logits", "logits"}};
  std::map<std::string, double> worst;
  for (std::int64_t position = 0; position < length; ++position) {
    const std::array<std::int32_t, 2> parents = {0, 1};
    const std::array<std::int32_t, 2> tokens = {
        static_cast<std::int32_t>(ids[static_cast<std::size_t>(position)]),
        static_cast<std::int32_t>(ids[static_cast<std::size_t>(length + position)])};
    Stages stages;
    decoder.step(cache, parents, tokens, stages.record());
    for (std::int64_t item = 0; item < 2; ++item) {
      // Positions of padding saw a mask in the reference that a decoding never has.
      if (mask[static_cast<std::size_t>(item * length + position)] == 0) continue;
      for (const auto& [stage, key] : pairs) {
        const double difference = max_abs_difference(stages.at(stage).view()[item].values<float>(),
                                                     golden.at(key).view()[item][position].values<float>());
        EXPECT_LE(difference, kTolerance) << stage << " item " << item << " position " << position;
        worst[key] = std::max(worst[key], difference);
      }
    }
  }
  for (const auto& [key, difference] : worst)
    RecordProperty(key, std::to_string(difference));
}

TEST(NetworkGolden, a_real_model) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const auto folder = shared_path("models/v0");
  if (!folder) GTEST_SKIP() << "models/v0 is not beside the fixtures";
  const Network network(*folder / "model.pth", *folder / "config.json");
  const auto golden = read_npz(*folder / "golden_checks.npz");
  const AudioEncoder audio_encoder(network.config, network.weights());
  const BartEncoder encoder(network.config, network.weights());
  for (const std::string clip : {"0", "10"}) {
    const Tensor& mel = golden.at("mel_" + clip);
    const Tensor embeddings =
        audio_encoder.forward({mel.view().bytes(), DType::f32, {1, mel.size(0), mel.size(1)}});
    const Tensor& expected = golden.at("audio_emb_" + clip);
    const double audio = max_abs_difference(embeddings.values<float>(), expected.values<float>());
    EXPECT_LE(audio, kTolerance) << clip;
    const Tensor hidden = encoder.forward(embeddings);
    const double encoded =
        max_abs_difference(hidden.values<float>(), golden.at("enc_" + clip).values<float>());
    EXPECT_LE(encoded, kTolerance) << clip;
    RecordProperty("audio_emb_" + clip, std::to_string(audio));
    RecordProperty("enc_" + clip, std::to_string(encoded));
  }
}

TEST(NetworkGolden, threads_and_company_do_not_matter) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const Network network = tiny();
  const auto golden = read_npz(*fixtures() / "model/stages.npz");
  const Tensor& mel = golden.at("mel");
  const AudioEncoder audio_encoder(network.config, network.weights());
  const BartEncoder encoder(network.config, network.weights());
  set_num_threads(1);
  const Tensor one = encoder.forward(audio_encoder.forward(mel));
  set_num_threads(2);
  const Tensor two = encoder.forward(audio_encoder.forward(mel));
  set_num_threads(0);
  EXPECT_EQ(max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
  const Tensor alone = encoder.forward(
      audio_encoder.forward({mel.view()[1].bytes(), DType::f32, {1, mel.size(1), mel.size(2)}}));
  EXPECT_LE(max_abs_difference(alone.values<float>(), one.view()[1].values<float>()), 2e-5);
}

}  // namespace
}  // namespace lpmc::test
