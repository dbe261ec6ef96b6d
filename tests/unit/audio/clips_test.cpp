#include "lpmc/audio/clips.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"
#include "tests/unit/audio/media.h"

namespace lpmc {
namespace {

constexpr int kRate = 100;  // samples a second: keeps the lengths below readable

/// 1, 2, 3, ... so that every sample tells its place.
std::vector<float> counting(std::int64_t length) {
  std::vector<float> samples(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<float>(i + 1);
  return samples;
}

ClipReader::Read read_from(const std::vector<float>& samples) {
  return [&samples, at = std::size_t{0}](std::span<float> out) mutable {
    const std::size_t count = std::min(out.size(), samples.size() - at);
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
    at += count;
    return count;
  };
}

struct Piece {
  std::int64_t offset;
  std::int64_t valid;
  friend bool operator==(const Piece&, const Piece&) = default;
};

/// The specification, told of the whole stream at once.
std::vector<Piece> expected_pieces(std::int64_t length, std::int64_t segment, std::int64_t hop, Tail tail,
                                   std::int64_t min_tail) {
  std::vector<Piece> pieces;
  std::vector<bool> covered(static_cast<std::size_t>(length), false);
  for (std::int64_t offset = 0; offset < length; offset += hop) {
    const std::int64_t end = std::min(offset + segment, length);
    bool fresh = false;
    for (std::int64_t i = offset; i < end; ++i)
      fresh = fresh || !covered[static_cast<std::size_t>(i)];
    if (!fresh) continue;
    const bool whole = end - offset == segment;
    if (!whole && (tail == Tail::drop || end - offset < min_tail)) continue;
    for (std::int64_t i = offset; i < end; ++i)
      covered[static_cast<std::size_t>(i)] = true;
    pieces.push_back({offset, end - offset});
  }
  return pieces;
}

TEST(ClipReader, EqualsTheSpecification) {
  int cases = 0;
  for (const double duration_s : {0.5, 1.0, 1.5, 2.0, 3.0}) {
    for (const double hop_s : {0.0, 0.01, 0.3, 0.5, 1.0, 1.49, 2.0, 2.5, 7.0}) {
      for (const double min_tail_s : {0.0, 0.4, 1.0}) {
        for (const Tail tail : {Tail::pad, Tail::drop}) {
          for (const std::int64_t length :
               {0,   1,   39,  40,  49,  50,  51,  99,  100, 101, 149, 150, 151, 199,
                200, 201, 250, 299, 300, 301, 449, 450, 549, 700, 701, 799, 800, 1000}) {
            const std::vector<float> samples = counting(length);
            ClipReader clips(read_from(samples), kRate, {duration_s, hop_s, tail, min_tail_s});
            const std::int64_t segment = std::llround(duration_s * kRate);
            const std::int64_t hop = hop_s == 0 ? segment : std::llround(hop_s * kRate);
            std::vector<Piece> found;
            Clip clip;
            while (clips.next(clip)) {
              ASSERT_EQ(clip.index, static_cast<std::int64_t>(found.size()));
              ASSERT_EQ(clip.waveform.shape(), Shape{segment});
              for (std::int64_t i = 0; i < segment; ++i) {
                const float want =
                    i < clip.valid_samples ? static_cast<float>(clip.offset_samples + i + 1) : 0.0F;
                ASSERT_EQ(clip.waveform.values<float>()[static_cast<std::size_t>(i)], want);
              }
              found.push_back({clip.offset_samples, clip.valid_samples});
            }
            const auto want = expected_pieces(length, segment, hop, tail, std::llround(min_tail_s * kRate));
            ASSERT_EQ(found, want) << length << " samples, " << duration_s << " s every " << hop_s
                                   << " s, tail " << static_cast<int>(tail) << " min " << min_tail_s;
            ASSERT_EQ(clips.total_samples(), length);
            ASSERT_FALSE(clips.next(clip));
            ++cases;
          }
        }
      }
    }
  }
  EXPECT_GT(cases, 5000);
}

TEST(ClipReader, AWaveformMayBeMovedAway) {
  const std::vector<float> samples = counting(600);
  ClipReader clips(read_from(samples), kRate, {2.0, 1.0, Tail::pad, 1.0});
  std::vector<Tensor> kept;
  Clip clip;
  while (clips.next(clip))
    kept.push_back(std::move(clip.waveform));
  ASSERT_EQ(kept.size(), 5U);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].values<float>()[0], static_cast<float>(100 * i + 1));
    EXPECT_EQ(kept[i].values<float>()[199], static_cast<float>(100 * i + 200));
  }
}

TEST(ClipReader, AStreamUnderTheShortestTailYieldsNothingButItsLength) {
  const std::vector<float> samples = counting(5);
  ClipReader clips(read_from(samples), kRate, {});
  Clip clip;
  EXPECT_FALSE(clips.next(clip));
  EXPECT_EQ(clips.total_samples(), 5);
  EXPECT_EQ(clips.segment_samples(), 1000);
}

Clip only_clip(const std::vector<float>& samples) {
  ClipReader clips(read_from(samples), kRate, {2.0, 0, Tail::pad, 0});
  Clip clip;
  EXPECT_TRUE(clips.next(clip));
  return clip;
}

TEST(ClipReader, TellsSilence) {
  const auto alternating = [](float height, float offset) {
    std::vector<float> samples(200);
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i] = offset + (i % 2 == 0 ? height : -height);
    return samples;
  };
  EXPECT_TRUE(only_clip(std::vector<float>(200, 0.0F)).silent);
  EXPECT_TRUE(only_clip(alternating(1.0F / 32768, 0)).silent) << "dither";
  EXPECT_TRUE(only_clip(alternating(32.0F / 32768, 0)).silent);
  EXPECT_FALSE(only_clip(alternating(33.0F / 32768, 0)).silent);
  EXPECT_TRUE(only_clip(alternating(2.0F / 32768, 0.25F)).silent) << "a constant is nothing to hear";
  EXPECT_FALSE(only_clip(alternating(0.01F, 0)).silent) << "-40 dBFS";
  std::vector<float> click(200, 0.0F);
  click[150] = 0.5F;
  EXPECT_FALSE(only_clip(click).silent);
}

TEST(ClipReader, MeasuresOnlyWhatIsThere) {
  const std::vector<float> samples(120, -0.5F);  // padded with 80 zeros
  const Clip clip = only_clip(samples);
  EXPECT_EQ(clip.peak, 0.5F);
  EXPECT_EQ(clip.rms, 0.5F);
  EXPECT_TRUE(clip.silent) << "the step to the padding does not count";
}

TEST(ClipReader, ReadsAFile) {
  const test::TemporaryFolder folder;
  const std::vector<std::int16_t> samples = test::tones(16000 * 25);
  test::write_wav(folder / "a.wav", samples);
  AudioReader reader(folder / "a.wav");
  ClipReader clips(reader, {});
  Clip clip;
  std::vector<std::int64_t> valid;
  while (clips.next(clip)) {
    for (std::int64_t i = 0; i < clip.valid_samples; ++i) {
      ASSERT_EQ(clip.waveform.values<float>()[static_cast<std::size_t>(i)],
                static_cast<float>(samples[static_cast<std::size_t>(clip.offset_samples + i)]) / 32768.0F);
    }
    valid.push_back(clip.valid_samples);
  }
  EXPECT_THAT(valid, testing::ElementsAre(160000, 160000, 80000));
}

TEST(ClipReader, RefusesWrongOptions) {
  const std::vector<float> samples;
  const auto make = [&](ClipOptions options, int rate = kRate) {
    ClipReader(read_from(samples), rate, options);
  };
  EXPECT_THROW(make({0, 0, Tail::pad, 1}), Error);
  EXPECT_THROW(make({-1, 0, Tail::pad, 1}), Error);
  EXPECT_THROW(make({std::nan(""), 0, Tail::pad, 1}), Error);
  EXPECT_THROW(make({1e300, 0, Tail::pad, 1}), Error);
  EXPECT_THROW(make({0.001, 0, Tail::pad, 1}), Error) << "less than a sample";
  EXPECT_THROW(make({10, -1, Tail::pad, 1}), Error);
  EXPECT_THROW(make({10, 1e-9, Tail::pad, 1}), Error);
  EXPECT_THROW(make({10, std::nan(""), Tail::pad, 1}), Error);
  EXPECT_THROW(make({10, 0, Tail::pad, -1}), Error);
  EXPECT_THROW(make({}, 0), Error);
}

}  // namespace
}  // namespace lpmc
