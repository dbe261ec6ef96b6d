// Waveform to token ids through the whole network: the 12 settings of search of the reference
// implementation, on random weights and on a trained model.

#include <cmath>
#include <numbers>

#include <nlohmann/json.hpp>

#include "lpmc/base/threads.h"

#include "tests/golden/whole_network.h"
#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/npy.h"

namespace lpmc::test {
namespace {

using nlohmann::json;

/// A setting of the fixture: the arguments that differ from LP-MusicCaps' call.
struct Setting {
  GenerationOptions options;
  SpecialTokens special;
};

Setting read_setting(const json& args, const ModelConfig& config) {
  Setting setting;
  setting.special = special_tokens(config);
  GenerationOptions& o = setting.options;
  json all = args;
  if (args.contains("_extra")) all.update(args["_extra"]);
  o.num_beams = all.value("num_beams", o.num_beams);
  o.max_length = all.value("max_length", o.max_length);
  o.min_length = all.value("min_length", o.min_length);
  o.length_penalty = all.value("length_penalty", o.length_penalty);
  o.early_stopping = all.value("early_stopping", o.early_stopping);
  o.no_repeat_ngram = all.value("no_repeat_ngram_size", o.no_repeat_ngram);
  o.repetition_penalty = all.value("repetition_penalty", o.repetition_penalty);
  o.n_best = all.value("_top", 1);
  if (all.contains("forced_bos_token_id")) setting.special.forced_bos = -1;
  if (all.contains("forced_eos_token_id")) setting.special.forced_eos = -1;
  return setting;
}

void expect_equal(const std::vector<std::vector<Hypothesis>>& found, const json& expected,
                  const Setting& setting, const std::string& name) {
  const auto n_best = static_cast<std::size_t>(setting.options.n_best);
  const bool has_scores = expected.contains("sequences_scores");
  // Without division by the length, a score is a sum of up to 48 terms: its error grows with it.
  const double tolerance = setting.options.length_penalty == 0 ? 5e-4 : 1e-4;
  ASSERT_EQ(found.size() * n_best, expected["sequences"].size()) << name;
  for (std::size_t i = 0; i < expected["sequences"].size(); ++i) {
    const Hypothesis& hypothesis = found[i / n_best].at(i % n_best);
    const auto ids =
        without_padding(expected["sequences"][i].get<std::vector<std::int32_t>>(), setting.special.pad);
    EXPECT_EQ(hypothesis.tokens, ids) << name << ", row " << i;
    if (has_scores) {
      EXPECT_NEAR(hypothesis.score, expected["sequences_scores"][i].get<double>(), tolerance)
          << name << ", row " << i;
    }
  }
}

void expect_all_settings(const WholeNetwork& network, ConstTensorView waveforms, const json& settings) {
  ASSERT_EQ(settings.size(), 12U);
  const Tensor hidden = network.encode(waveforms);
  for (const auto& [name, expected] : settings.items()) {
    const Setting setting = read_setting(expected["args"], network.config());
    const auto batched = network.search(hidden, setting.options, setting.special);
    expect_equal(batched, expected, setting, name);
    for (std::int64_t i = 0; i < hidden.size(0); ++i) {  // batched equals single
      const Tensor alone = network.encode(only(waveforms, i));
      const auto single = network.search(alone, setting.options, setting.special);
      for (std::size_t rank = 0; rank < single[0].size(); ++rank) {
        const Hypothesis& in_batch = batched[static_cast<std::size_t>(i)][rank];
        EXPECT_EQ(single[0][rank].tokens, in_batch.tokens) << name;
        EXPECT_NEAR(single[0][rank].score, in_batch.score, 1e-4) << name;
      }
    }
  }
}

Model model_of(const char* checkpoint) {
  ModelFiles files;
  files.name = checkpoint;
  files.weights = *fixtures() / "model" / checkpoint;
  files.config = *fixtures() / "model/tiny_config.json";
  return open_model(files);
}

/// Formula clip k of the fixtures' README.
void write_formula_clip(std::int64_t k, std::span<float> out) {
  constexpr double kTwoPi = 2 * std::numbers::pi;
  const auto d = static_cast<double>(k);
  const double f = 110 * std::exp2(0.27 * d);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double t = static_cast<double>(n) / 16000;
    const double x = 0.30 * std::sin(kTwoPi * f * t) +
                     0.15 * std::sin(kTwoPi * (2 + 0.1 * static_cast<double>(k % 5)) * f * t + 0.3) +
                     0.08 * std::sin(kTwoPi * (50 + 30 * d + 40 * t) * t);
    const double loudness = 0.55 + 0.45 * std::sin(kTwoPi * (0.5 + 0.37 * static_cast<double>(k % 7)) * t);
    out[n] = static_cast<float>(x * loudness);
  }
}

class SearchGolden : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    LPMC_SKIP_WITHOUT_FIXTURES();
    set_num_threads(GetParam());
  }
  void TearDown() override { set_num_threads(0); }
};

TEST_P(SearchGolden, RandomWeightsFindTheReferencesIdsInAllSettings) {
  const WholeNetwork network(model_of("tiny.pth"));
  Tensor waveforms({2, 160000});
  const Tensor synth = read_npy(*fixtures() / "model/synth_10s_f32.npy");
  std::memcpy(waveforms.mutable_data<float>(), synth.data<float>(), synth.view().size_bytes());
  copy_int16_clip(read_npy(*fixtures() / "model/orchestra_first10s_int16.npy"), waveforms.mutable_view()[1]);
  expect_all_settings(network, waveforms,
                      json::parse(read_file(*fixtures() / "model/golden.json"))["generate"]);
}

TEST_P(SearchGolden, ATrainedModelFindsTheReferencesIdsInAllSettings) {
  const WholeNetwork network(model_of("trained_tiny.pth"));
  Tensor waveforms({20, 160000});
  for (std::int64_t k = 0; k < 20; ++k)
    write_formula_clip(k, waveforms.mutable_view()[k].mutable_values<float>());
  const auto check = read_npz(*fixtures() / "model/trained_clips_check.npz");
  for (std::int64_t k = 0; k < 20; ++k) {
    const auto first = check.at("wave_first16").view()[k].values<float>();
    EXPECT_EQ(max_abs_difference(waveforms.view()[k].values<float>().first(16), first), 0);
  }
  const Tensor hidden = network.encode(waveforms);
  // Pure tones leave most bands at the rounding noise of the reference's float32 transform, up to 1.4 dB from
  // the exact value. How far its encoder output moves when it is fed with the log-mel of torch's float64
  // instead is known for two clips; ours must be there, within 1e-4. (Fed with torch's own float32 log-mel,
  // ours is within 7e-6 of the stored output.)
  struct Moved {
    std::int64_t clip;
    const char* stored;
    double by;
  };
  for (const auto& [clip, stored, by] :
       {Moved{0, "encoder_out_clip0", 3.857e-3}, Moved{19, "encoder_out_clip19", 1.846e-3}}) {
    const double difference =
        max_abs_difference(hidden.view()[clip].values<float>(), check.at(stored).values<float>());
    EXPECT_NEAR(difference, by, 1e-4) << stored;
  }
  expect_all_settings(network, waveforms,
                      json::parse(read_file(*fixtures() / "model/trained_golden.json"))["generate"]);
}

INSTANTIATE_TEST_SUITE_P(Threads, SearchGolden, ::testing::Values(1, 2));

}  // namespace
}  // namespace lpmc::test
