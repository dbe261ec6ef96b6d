// The model that ships, on the recording that ships: the same captions, to the last bit of their scores, for
// any batch size, number of threads and order of files.

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"
#include "lpmc/captioning/captioner.h"

#include "tests/support/fixtures.h"
#include "tests/support/wav.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  std::vector<std::vector<std::int32_t>> tokens;
  std::vector<std::uint64_t> scores;  ///< bits
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Invariance : public ::testing::TestWithParam<const char*> {
 protected:
  Invariance() : captioner_(LPMC_SOURCE_DIR "/models/default", {}, GetParam()) {
    const fs::path chords = folder_ / "chords.wav";
    test::write_wav(chords, test::chord_int16(25, 2));
    files_ = {LPMC_SOURCE_DIR "/samples/metal_madness_30s.ogg", chords};
  }
  ~Invariance() override { set_num_threads(0); }

  /// What came of each file, in the order of `files`.
  std::vector<Outcome> caption(const std::vector<fs::path>& files, int batch_size, int threads) {
    set_num_threads(threads);
    std::vector<Outcome> outcomes;
    std::size_t next = 0;
    Captioner::Batch batch;
    batch.next_file = [&]() -> std::optional<fs::path> {
      if (next == files.size()) return std::nullopt;
      return files[next++];
    };
    batch.on_file = [&](FileCaptions&& captions) {
      Outcome& outcome = outcomes.emplace_back();
      for (const Segment& segment : captions.segments) {
        for (const Candidate& candidate : segment.candidates) {
          outcome.tokens.push_back(candidate.tokens);
          outcome.scores.push_back(std::bit_cast<std::uint64_t>(candidate.score));
        }
      }
    };
    CaptionOptions options;
    options.batch_size = batch_size;
    captioner_.caption_files(batch, options, captioner_.default_generation());
    return outcomes;
  }

  test::TemporaryFolder folder_;
  std::vector<fs::path> files_;
  Captioner captioner_;
};

TEST_P(Invariance, OfBatchSizeThreadsAndOrder) {
  const std::vector<Outcome> expected = caption(files_, 1, 1);
  ASSERT_EQ(expected.size(), 2U);
  ASSERT_EQ(expected[0].tokens.size(), 3U);
  ASSERT_EQ(expected[1].tokens.size(), 3U);
  const std::vector<fs::path> reversed(files_.rbegin(), files_.rend());
  for (const int batch_size : {1, 3, 16}) {
    for (const int threads : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << "batch size " << batch_size << ", threads " << threads);
      EXPECT_EQ(caption(files_, batch_size, threads), expected);
      if (threads != 2) continue;
      const std::vector<Outcome> found = caption(reversed, batch_size, threads);
      ASSERT_EQ(found.size(), 2U);
      EXPECT_EQ(found[1], expected[0]);
      EXPECT_EQ(found[0], expected[1]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Arithmetic, Invariance, ::testing::Values("f32", "bf16", "int8"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace lpmc
