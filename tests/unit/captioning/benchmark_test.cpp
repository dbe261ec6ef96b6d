// Figures are the machine's; that all are there, sane and named is a test.

#include "lpmc/captioning/benchmark.h"

#include <algorithm>
#include <fstream>

#include "lpmc/audio/decode.h"
#include "lpmc/captioning/benchmark_files.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

/// The published size, by hand (DESIGN's figures: 88 million weights a step).
TEST(NetworkWork, OfThePublishedSize) {
  const ModelConfig config;
  const double layer = 6.0 * 768 * 768 + 2.0 * 768 * 3072;
  const double weights = 6 * layer + 768.0 * 50265;
  EXPECT_EQ(step_work(config, 15, DType::i8).weight_bytes, weights);
  EXPECT_EQ(step_work(config, 15, DType::bf16).weight_bytes, 2 * weights);
  EXPECT_EQ(step_work(config, 15, DType::f32).operations, 2 * 15 * weights);
  EXPECT_EQ(cross_work(config, 3, DType::f32).weight_bytes, 4.0 * 6 * 2 * 768 * 768);
  EXPECT_EQ(cross_work(config, 3, DType::f32).operations, 2.0 * 3 * 32 * 6 * 2 * 768 * 768);
  const double strided = 501 + 251 + 126 + 63 + 32;  // frames after each convolution but the first
  const double encoder =
      768.0 * 128 * 3 * 1001 + 768.0 * 768 * 3 * strided + 6.0 * 32 * (4.0 * 768 * 768 + 2.0 * 768 * 3072);
  EXPECT_EQ(encoder_work(config, 1, DType::f32).operations, 2 * encoder);
  EXPECT_EQ(encoder_work(config, 3, DType::f32).operations, 3 * 2 * encoder);
}

TEST(MachineLimit, IsTheSlowerOfReadingAndMultiplying) {
  EXPECT_EQ(limit_s({100, 1000}, {10, 1000}), 10);
  EXPECT_EQ(limit_s({100, 100000}, {10, 1000}), 100);
}

/// A bfloat16 unit slower than float32's is no limit: operands can be widened.
TEST(MachineLimit, OfAnArithmeticIsNeverUnderFloats) {
  const std::vector<MultiplyRate> rates = {
      {DType::f32, "", 200}, {DType::bf16, "", 100}, {DType::i8, "", 800}, {DType::i8, "", 700}};
  EXPECT_EQ(best_rate(rates, DType::f32), 200);
  EXPECT_EQ(best_rate(rates, DType::bf16), 200);
  EXPECT_EQ(best_rate(rates, DType::i8), 800);
}

class Benchmark : public ::testing::Test {
 protected:
  Benchmark() {
    config_ = preset_config("tiny");
    weights_ = random_weights(config_, 1);
    options_.quick = true;
    options_.new_tokens = 4;
    options_.num_beams = 2;
    options_.segments = 2;
    options_.audio = folder_ / "chords.wav";
    write_chords(options_.audio, 12, config_.mel.sample_rate);
  }

  std::vector<StageFigure> measure(const std::vector<BenchmarkStage>& stages) {
    options_.stages = stages;
    std::vector<StageFigure> figures;
    const std::vector<DType> arithmetics = {DType::f32};
    const MachineFigures machine = measure_machine(config_, arithmetics, true);
    benchmark_network({config_, &weights_.weights}, DType::f32, machine, options_,
                      [&](const StageFigure& figure) { figures.push_back(figure); });
    return figures;
  }

  test::TemporaryFolder folder_;
  ModelConfig config_;
  LoadedWeights weights_;
  BenchmarkOptions options_;
};

TEST_F(Benchmark, EveryStageGivesItsFigures) {
  const auto stages = benchmark_stages();
  const auto figures = measure({stages.begin(), stages.end()});
  std::vector<std::string> names;
  for (const StageFigure& figure : figures) {
    SCOPED_TRACE(figure.stage);
    names.push_back(figure.stage);
    EXPECT_GT(figure.best_s, 0);
    EXPECT_GE(figure.median_s, figure.best_s);
    EXPECT_GT(figure.size, 0);
    EXPECT_EQ(figure.repeats, 1);
    EXPECT_EQ(figure.limit_s > 0, figure.stage != "captions by batch size");
    EXPECT_EQ(figure.arithmetic, DType::f32);
  }
  const auto count = [&](const char* name) { return std::count(names.begin(), names.end(), name); };
  EXPECT_EQ(count("encoder"), 3);
  EXPECT_EQ(count("cross keys, values"), 1);
  EXPECT_EQ(count("decoding step"), 5);
  EXPECT_EQ(count("search"), 5);
  EXPECT_EQ(count("captions"), 2);
  EXPECT_EQ(count("captions: encoder"), 2);
  EXPECT_EQ(count("captions: generate"), 2);
  EXPECT_EQ(count("captions by batch size"), 6);
}

/// The whole is its parts: what a run took lies between its encoder's time and the sum.
TEST_F(Benchmark, CaptionsAreTheSumOfTheirParts) {
  const auto figures = measure({BenchmarkStage::captions});
  ASSERT_EQ(figures.size(), 6U);
  for (const std::size_t first : {0U, 3U}) {
    EXPECT_NEAR(figures[first].best_s + figures[first + 1].best_s, figures[first + 2].best_s, 1e-9);
    EXPECT_GT(figures[first + 2].cache_bytes, 0U);
    EXPECT_GT(figures[first + 2].x_real_time, 0);
  }
  EXPECT_EQ(figures[2].size, 2);
  EXPECT_EQ(figures[5].size, 18);
}

TEST_F(Benchmark, AudioIsMeasuredInRealTime) {
  std::vector<StageFigure> figures;
  benchmark_audio(config_, options_, [&](const StageFigure& figure) { figures.push_back(figure); });
  ASSERT_EQ(figures.size(), 3U);
  EXPECT_EQ(figures[0].size, 12);
  EXPECT_EQ(figures[2].size, 12);
  for (const StageFigure& figure : figures)
    EXPECT_GT(figure.x_real_time, 0);
}

TEST_F(Benchmark, RefusesAnArithmeticThatWasNotMeasured) {
  EXPECT_THAT([] { machine_limit({}, DType::bf16); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected an arithmetic that was measured"));
}

TEST_F(Benchmark, ChordsAreSound) {
  EXPECT_EQ(decode_all(options_.audio).elements(), 12 * 16000);
}

TEST(PeakResident, IsThatOfTheProgramAlone) {
  const std::size_t small = peak_resident_bytes({"/bin/sh", "-c", "sleep 0.05"});
  EXPECT_GT(small, 0U);
  EXPECT_LT(small, std::size_t{16} << 20);
  // 64 MiB in a variable of the shell's, and time to look.
  const std::size_t large = peak_resident_bytes(
      {"/bin/sh", "-c", "x=$(head -c 67108864 /dev/zero | tr '\\0' x); sleep 0.05; test -n \"$x\""});
  EXPECT_GT(large, std::size_t{60} << 20);
}

TEST(PeakResident, FailuresAreErrors) {
  EXPECT_THAT([] { peak_resident_bytes({"/none/such"}); }, ThrowsLpmc(ErrorKind::io, "could not be started"));
  EXPECT_THAT(
      [] {
        peak_resident_bytes({"/bin/sh", "-c", "exit 3"});
      },
      ThrowsLpmc(ErrorKind::io, "expected it to end well, found 3"));
}

TEST(ScratchFolder, GoesWithTheObject) {
  std::filesystem::path path;
  {
    const ScratchFolder folder;
    path = folder.path();
    std::ofstream(path / "x") << "y";
    EXPECT_TRUE(std::filesystem::exists(path / "x"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace lpmc
