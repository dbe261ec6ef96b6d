// The first small model, in the original's own format: 36 clips, token ids, scores and texts that
// transformers found for them.

#include <nlohmann/json.hpp>

#include "lpmc/captioning/tokenizer.h"

#include "tests/golden/whole_network.h"
#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/npy.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class CaptionGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = shared_path("models/v0");
    if (!folder) GTEST_SKIP() << "no models/v0 beside the folder of fixtures";
    folder_ = *folder;
    clips_ = json::parse(read_file(folder_ / "golden.json"))["clips"];
    ASSERT_EQ(clips_.size(), 36U);
    waveforms_ = Tensor({36, 160000});
    for (std::size_t i = 0; i < clips_.size(); ++i) {
      const Tensor clip = read_npy(folder_ / clips_[i]["file"].get<std::string>());
      copy_int16_clip(clip, waveforms_.mutable_view()[static_cast<std::int64_t>(i)]);
    }
  }

  /// Captions that equal the golden ones in every token.
  struct Equal {
    int beam5 = 0, greedy = 0, texts = 0;
    double worst_score = 0;  // of equal captions
  };

  Equal count_equal(const Model& model) const {
    const WholeNetwork network(model);
    const auto tokenizer = open_tokenizer(model.files, model.config);
    const Tensor hidden = network.encode(waveforms_);
    const SpecialTokens special = special_tokens(model.config);
    GenerationOptions greedy;
    greedy.num_beams = 1;
    const auto beam5_found = network.search(hidden, {}, special),
               greedy_found = network.search(hidden, greedy, special);
    Equal equal;
    for (std::size_t i = 0; i < clips_.size(); ++i) {
      const Hypothesis& best = beam5_found[i][0];
      if (best.tokens == clips_[i]["beam5_ids"].get<std::vector<std::int32_t>>()) {
        ++equal.beam5;
        equal.worst_score =
            std::max(equal.worst_score, std::abs(best.score - clips_[i]["beam5_score"].get<double>()));
      }
      equal.greedy += greedy_found[i][0].tokens == clips_[i]["greedy_ids"].get<std::vector<std::int32_t>>();
      equal.texts +=
          tokenizer->decode(best.tokens) == clips_[i]["beam5_text"].get<std::string>() &&
          tokenizer->decode(greedy_found[i][0].tokens) == clips_[i]["greedy_text"].get<std::string>();
    }
    return equal;
  }

  static void expect_all(const Equal& equal) {
    EXPECT_EQ(equal.beam5, 36);
    EXPECT_EQ(equal.greedy, 36);
    EXPECT_EQ(equal.texts, 36);
    EXPECT_LE(equal.worst_score, 1e-4);
  }

  fs::path folder_;
  json clips_;
  Tensor waveforms_;
};

TEST_F(CaptionGolden, TheCheckpointGivesAllCaptions) {
  expect_all(count_equal(open_model(find_model((folder_ / "model.pth").string()))));
}

TEST_F(CaptionGolden, AFolderOfFloat32GivesAllCaptions) {
  const TemporaryFolder converted;
  write_model_folder(converted / "m", open_model(find_model((folder_ / "model.pth").string())), DType::f32,
                     false);
  expect_all(count_equal(open_model(find_model((converted / "m").string()))));
}

/// Rounding the weights may turn near ties; the counts stand in the model card of models/default.
TEST_F(CaptionGolden, SixteenBitStorageKeepsWhatTheModelCardSays) {
  const Model model = open_model(find_model((folder_ / "model.pth").string()));
  struct Expected {
    DType dtype;
    int beam5, greedy;
  };
  for (const auto& [dtype, beam5, greedy] : {Expected{DType::f16, 35, 36}, Expected{DType::bf16, 36, 36}}) {
    const TemporaryFolder converted;
    write_model_folder(converted / "m", model, dtype, false);
    const Equal equal = count_equal(open_model(find_model((converted / "m").string())));
    std::printf("%s: beam 5 %d, greedy %d, texts %d of 36 equal; scores within %.2g\n",
                std::string(to_string(dtype)).c_str(), equal.beam5, equal.greedy, equal.texts,
                equal.worst_score);
    EXPECT_GE(equal.beam5, beam5) << to_string(dtype);
    EXPECT_GE(equal.greedy, greedy) << to_string(dtype);
  }
}

}  // namespace
}  // namespace lpmc::test
