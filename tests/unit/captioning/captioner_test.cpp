// The public API over a tiny random model: order, company, failures, stopping.

#include "lpmc/captioning/captioner.h"

#include "lpmc/base/atomic_file.h"
#include "lpmc/model/model_dir.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/support/wav.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::ThrowsLpmc;

class CaptionerTest : public ::testing::Test {
 protected:
  CaptionerTest() {
    Model model;
    model.config = preset_config("tiny");
    model.weights = random_weights(model.config, 1);
    model.generation_config = {{"num_beams", 2}, {"max_length", 12}};
    write_model_folder(folder_ / "m", model, DType::f32, false);
    for (int i = 0; i < 3; ++i) {
      const fs::path file = folder_ / (std::string(1, static_cast<char>('a' + i)) + ".wav");
      test::write_wav(file, test::chord_int16(11.0 + 10.0 * i, 3 * i));
      files_.push_back(file);
    }
  }

  /// Captions of `files` in one batch.
  std::vector<FileCaptions> caption_all(Captioner& captioner, const std::vector<fs::path>& files,
                                        const CaptionOptions& options = {}) {
    std::vector<FileCaptions> results;
    std::size_t next = 0;
    Captioner::Batch batch;
    batch.next_file = [&]() -> std::optional<fs::path> {
      if (next == files.size()) return std::nullopt;
      return files[next++];
    };
    batch.on_file = [&](FileCaptions&& captions) { results.push_back(std::move(captions)); };
    batch.on_progress = [&](const CaptionProgress& progress) { last_ = progress; };
    captioner.caption_files(batch, options, captioner.default_generation());
    return results;
  }

  static std::vector<std::vector<std::int32_t>> tokens_of(const FileCaptions& captions) {
    std::vector<std::vector<std::int32_t>> tokens;
    for (const Segment& segment : captions.segments)
      tokens.push_back(segment.candidates.at(0).tokens);
    return tokens;
  }

  test::TemporaryFolder folder_;
  std::vector<fs::path> files_;
  CaptionProgress last_;
};

TEST_F(CaptionerTest, TellsWhatTheModelIs) {
  const Captioner captioner((folder_ / "m").string());
  EXPECT_FALSE(captioner.has_vocabulary());
  EXPECT_EQ(captioner.segment_duration_s(), 10);
  EXPECT_EQ(captioner.default_generation().num_beams, 2);
  EXPECT_EQ(captioner.default_generation().no_repeat_ngram, 3);  // not named by the model: LP-MusicCaps'
}

TEST_F(CaptionerTest, ComputesInTheArithmeticAskedFor) {
  const std::string model = (folder_ / "m").string();
  EXPECT_EQ(Captioner(model).dtype(), "f32");  // no card, so nobody vouches for more
  for (const char* dtype : {"f32", "bf16", "int8"}) {
    Captioner captioner(model, {}, dtype);
    EXPECT_EQ(captioner.dtype(), dtype);
    const FileCaptions captions = captioner.caption(files_[0]);
    EXPECT_EQ(captions.segments.size(), 2U);
    EXPECT_EQ(tokens_of(captions), tokens_of(captioner.caption(files_[0])));
  }
  EXPECT_THAT(
      [&] { Captioner captioner(model, {}, "int4"); },
      ThrowsLpmc(ErrorKind::invalid_argument, "dtype: expected auto, f32, bf16 or int8, found 'int4'"));
}

TEST_F(CaptionerTest, QuantizedFoldersComputeInTheirTypeAndInOthers) {
  quantize_model(folder_ / "q", open_model(find_model((folder_ / "m").string())), DType::i8, false);
  EXPECT_NE(Captioner((folder_ / "q").string()).dtype(), "bf16");  // int8, or f32 where that is faster
  for (const char* dtype : {"f32", "bf16", "int8"}) {
    Captioner captioner((folder_ / "q").string(), {}, dtype);
    EXPECT_EQ(captioner.caption(files_[0]).segments.size(), 2U);
  }
}

TEST_F(CaptionerTest, AFileAloneOrInCompanyOfAnyBatchSizeIsTheSame) {
  Captioner captioner((folder_ / "m").string());
  std::vector<std::vector<std::vector<std::int32_t>>> alone;
  for (const fs::path& file : files_)
    alone.push_back(tokens_of(captioner.caption(file)));
  EXPECT_EQ(alone[2].size(), 4U);
  for (const int batch_size : {1, 2, 3, 5, 64}) {
    CaptionOptions options;
    options.batch_size = batch_size;
    const auto together = caption_all(captioner, files_, options);
    ASSERT_EQ(together.size(), files_.size());
    for (std::size_t i = 0; i < files_.size(); ++i) {
      EXPECT_EQ(together[i].file, files_[i]);
      EXPECT_EQ(tokens_of(together[i]), alone[i]) << "batch size " << batch_size;
    }
  }
  EXPECT_EQ(last_.files_done, 3U);
  EXPECT_EQ(last_.segments_done, 9U);
  EXPECT_NEAR(last_.audio_s_done, 11 + 21 + 31, 1e-6);
}

TEST_F(CaptionerTest, FailuresKeepTheirPlace) {
  Captioner captioner((folder_ / "m").string());
  const auto results = caption_all(captioner, {files_[0], folder_ / "none.wav", files_[1]});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_FALSE(results[0].failure);
  ASSERT_TRUE(results[1].failure);
  EXPECT_EQ(results[1].failure->kind, ErrorKind::not_found);
  EXPECT_TRUE(results[1].segments.empty());
  EXPECT_FALSE(results[2].failure);
  EXPECT_THAT([&] { captioner.caption(folder_ / "none.wav"); }, ThrowsLpmc(ErrorKind::not_found, "none.wav"));
}

TEST_F(CaptionerTest, StopsBetweenFilesAndCanGoOn) {
  Captioner captioner((folder_ / "m").string());
  std::stop_source source;
  Captioner::Batch batch;
  int given = 0, taken = 0;
  batch.next_file = [&]() -> std::optional<fs::path> {  // without end
    ++given;
    return files_[0];
  };
  batch.on_file = [&](FileCaptions&&) {
    if (++taken == 3) source.request_stop();
  };
  batch.stop = source.get_token();
  EXPECT_THAT([&] { captioner.caption_files(batch, {}, captioner.default_generation()); },
              ThrowsLpmc(ErrorKind::cancelled, "stopped on request"));
  EXPECT_GE(taken, 3);
  EXPECT_EQ(captioner.caption(files_[0]).segments.size(), 2U);
}

TEST_F(CaptionerTest, AFileMayBeginElsewhereThanTheOthers) {
  Captioner captioner((folder_ / "m").string());
  Captioner::Batch batch;
  std::vector<AudioInput> inputs = {AudioInput(files_[0]), AudioInput(files_[0], 0.25)};
  std::size_t given = 0;
  batch.next_file = [&]() -> std::optional<AudioInput> {
    if (given == inputs.size()) return std::nullopt;
    return inputs[given++];
  };
  std::vector<double> starts;
  batch.on_file = [&](FileCaptions&& captions) { starts.push_back(captions.segments.at(0).start_s); };
  CaptionOptions options;
  options.start_s = 0.125;
  captioner.caption_files(batch, options, captioner.default_generation());
  EXPECT_EQ(starts, (std::vector<double>{0.125, 0.25}));
}

TEST_F(CaptionerTest, ErrorsOfTheCallbacksComeOut) {
  Captioner captioner((folder_ / "m").string());
  Captioner::Batch batch;
  batch.next_file = []() -> std::optional<fs::path> { throw Error(ErrorKind::io, "list: broken"); };
  batch.on_file = [](FileCaptions&&) {};
  EXPECT_THAT([&] { captioner.caption_files(batch, {}, captioner.default_generation()); },
              ThrowsLpmc(ErrorKind::io, "list: broken"));
  batch.next_file = [&]() -> std::optional<fs::path> { return files_[1]; };
  batch.on_file = [](FileCaptions&&) { throw Error(ErrorKind::io, "disk: full"); };
  EXPECT_THAT([&] { captioner.caption_files(batch, {}, captioner.default_generation()); },
              ThrowsLpmc(ErrorKind::io, "disk: full"));
}

TEST_F(CaptionerTest, RefusesOptionsThatMakeNoSense) {
  Captioner captioner((folder_ / "m").string());
  CaptionOptions options;
  options.hop_s = -1;
  EXPECT_THAT([&] { captioner.caption(files_[0], options); },
              ThrowsLpmc(ErrorKind::invalid_argument, "hop: expected"));
  options = {};
  options.batch_size = 5000;
  EXPECT_THAT([&] { captioner.caption(files_[0], options); },
              ThrowsLpmc(ErrorKind::invalid_argument, "batch-size: expected 0 to 1024, found 5000"));
  GenerationOptions search = captioner.default_generation();
  search.num_beams = 0;
  EXPECT_THAT([&] { captioner.caption(files_[0], {}, search); },
              ThrowsLpmc(ErrorKind::invalid_argument, "num_beams"));
}

TEST_F(CaptionerTest, AModelsOwnDefaultsAreChecked) {
  write_file_atomically(folder_ / "m/generation_config.json", R"({"num_beams": "many"})");
  EXPECT_THAT(
      [&] { Captioner captioner((folder_ / "m").string()); },
      ThrowsLpmc(ErrorKind::invalid_argument, "generation_config.json: num_beams: expected a whole number"));
}

TEST(OriginalSampling, IsBeamSampleWithTheConfigsFourBeams) {
  const GenerationOptions options = original_sampling({});
  EXPECT_TRUE(options.sample);
  EXPECT_EQ(options.num_beams, 4);
  EXPECT_EQ(options.top_p, 0.9);
  EXPECT_EQ(options.top_k, 50);
  EXPECT_EQ(options.repetition_penalty, 1.1);
  EXPECT_EQ(options.no_repeat_ngram, 3);
}

}  // namespace
}  // namespace lpmc
