#include "lpmc/training/clip_source.h"

#include <algorithm>
#include <map>

#include "lpmc/audio/decode.h"

#include "tests/support/matchers.h"
#include "tests/unit/training/small_run.h"

namespace lpmc::test {
namespace {

using ::testing::ElementsAre;

class Clips : public ::testing::Test {
 protected:
  ManifestClipOptions options(const std::string& split = "train") const {
    ManifestClipOptions options;
    options.manifests = {data_.manifest()};
    options.split = split;
    options.segment_samples = 16000;
    return options;
  }
  SmallRunData data_;
};

TEST(ChosenCaptions, ByColumn) {
  ManifestRecord record;
  record.caption = "h";
  record.captions = {{"summary", "s"}, {"writing", "w"}, {"paraphrase", ""}};
  EXPECT_THAT(chosen_captions(record, "human"), ElementsAre("h"));
  EXPECT_THAT(chosen_captions(record, "all"), ElementsAre("s", "w"));
  EXPECT_THAT(chosen_captions(record, "writing,human,none"), ElementsAre("w", "h"));
  EXPECT_THAT(chosen_captions(record, "paraphrase"), ElementsAre());
}

TEST_F(Clips, ReadsTheSplit) {
  const ManifestClips clips(options());
  EXPECT_EQ(clips.size(), 6U);
  EXPECT_EQ(clips.counts().other_splits, 2U);
  EXPECT_EQ(clips.id(0), "clip 0");
  EXPECT_THAT(clips.tags()[1], ElementsAre("high", "chord"));
  EXPECT_EQ(ManifestClips(options("valid")).size(), 2U);
}

TEST_F(Clips, RecordsWithoutSplitAreForTraining) {
  data_.add({{"id", "new"}, {"audio", "0.wav"}, {"caption", "x"}});
  EXPECT_EQ(ManifestClips(options()).size(), 7U);
}

TEST_F(Clips, CropsFollowFromTheRandomStream) {
  const ManifestClips clips(options());
  const auto read = [&](std::uint64_t number) {
    std::vector<float> waveform(16000);
    CounterRandom random(1, number);
    clips.read(5, random, waveform);  // 2.5 s
    return waveform;
  };
  EXPECT_EQ(read(1), read(1));
  EXPECT_NE(read(1), read(2));
  const Tensor whole = decode_all(data_ / "6.wav", {});
  const std::vector<float> crop = read(3);
  const auto samples = whole.values<float>();
  EXPECT_NE(std::search(samples.begin(), samples.end(), crop.begin(), crop.end()), samples.end());
}

TEST_F(Clips, TheFirstSegmentWithoutRandomCrop) {
  ManifestClipOptions first = options();
  first.random_crop = false;
  const ManifestClips clips(first);
  std::vector<float> waveform(16000);
  CounterRandom random(1, 9);
  clips.read(5, random, waveform);
  const Tensor whole = decode_all(data_ / "6.wav", {});
  EXPECT_TRUE(std::equal(waveform.begin(), waveform.end(), whole.values<float>().begin()));
}

TEST_F(Clips, ShortSoundIsPaddedAtItsEnd) {
  ManifestClipOptions longer = options();
  longer.segment_samples = 32000;
  const ManifestClips clips(longer);
  std::vector<float> waveform(32000, 9.0F);
  CounterRandom random(1, 1);
  clips.read(0, random, waveform);  // 1 s
  EXPECT_TRUE(std::all_of(waveform.begin() + 16000, waveform.end(), [](float x) { return x == 0; }));
  EXPECT_FALSE(std::all_of(waveform.begin(), waveform.begin() + 16000, [](float x) { return x == 0; }));
}

TEST_F(Clips, CaptionsAreDrawnUniformly) {
  ManifestClipOptions all = options();
  all.captions = "all";
  const ManifestClips clips(all);
  std::map<std::string, int> counts;
  std::vector<float> waveform(16000);
  for (std::uint64_t n = 0; n < 400; ++n) {
    CounterRandom random(3, n);
    ++counts[clips.read(0, random, waveform)];
  }
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_NEAR(counts["a chord"], 200, 50);  // five standard deviations of 10
}

TEST_F(Clips, FromTheCacheAsFromTheFile) {
  std::vector<std::int16_t> sound = chord_int16(2.5, 6);
  {
    WaveformCacheWriter writer(data_ / "cache", {});
    writer.add("clip 6", "6.wav", sound);
    writer.commit();
  }
  ManifestClipOptions cached = options();
  cached.cache = data_ / "cache";
  const ManifestClips a(options()), b(cached);
  std::vector<float> x(16000), y(16000);
  CounterRandom random(1, 4), same(1, 4);
  a.read(5, random, x);
  b.read(5, same, y);
  EXPECT_EQ(x, y);
}

TEST_F(Clips, ACacheOfAnotherRateIsRefused) {
  {
    WaveformCacheWriter::Options rate;
    rate.sample_rate = 22050;
    WaveformCacheWriter writer(data_ / "cache", rate);
    writer.add("clip 0", "0.wav", chord_int16(2));
    writer.commit();
  }
  ManifestClipOptions cached = options();
  cached.cache = data_ / "cache";
  EXPECT_THAT([&] { ManifestClips{cached}; }, ThrowsLpmc(ErrorKind::invalid_argument, "22050"));
}

TEST_F(Clips, MissingAndShortSoundIsNamedOrSkipped) {
  data_.add({{"id", "gone"}, {"audio", "gone.wav"}, {"caption", "x"}});
  data_.add({{"id", "nowhere"}, {"caption", "x"}});
  {
    WaveformCacheWriter writer(data_ / "cache", {});
    writer.add("clip 0", "0.wav", chord_int16(0.5));
    writer.commit();
  }
  ManifestClipOptions cached = options();
  cached.cache = data_ / "cache";
  EXPECT_THAT([&] { ManifestClips{cached}; },
              ThrowsLpmc(ErrorKind::not_found, "3 clips of the split 'train' have no sound"));
  EXPECT_THAT([&] { ManifestClips{cached}; },
              ThrowsLpmc(ErrorKind::not_found, "'nowhere' (not in the cache)"));
  EXPECT_THAT([&] { ManifestClips{cached}; }, ThrowsLpmc(ErrorKind::not_found, "at least 1 s, found 0.50 s"));
  cached.skip_missing = true;
  const ManifestClips clips(cached);
  EXPECT_EQ(clips.size(), 5U);
  EXPECT_EQ(clips.counts().without_sound, 3U);
}

TEST_F(Clips, AShortFileIsNamedWhenItIsRead) {
  write_wav(data_ / "short.wav", chord_int16(0.3));
  data_.add({{"id", "brief"}, {"audio", "short.wav"}, {"caption", "x"}});
  const ManifestClips clips(options());
  std::vector<float> waveform(16000);
  CounterRandom random(1, 4);
  EXPECT_THAT([&] { clips.read(6, random, waveform); },
              ThrowsLpmc(ErrorKind::invalid_argument, "clip 'brief'"));
}

TEST_F(Clips, EmptyCaptionsAreLeftOut) {
  data_.add({{"id", "mute"}, {"audio", "0.wav"}, {"caption", ""}});
  const ManifestClips clips(options());
  EXPECT_EQ(clips.size(), 6U);
  EXPECT_EQ(clips.counts().without_caption, 1U);
}

TEST_F(Clips, ABrokenLineIsNamed) {
  data_.add_text("{\"id\": ");
  EXPECT_THAT([&] { ManifestClips{options()}; }, ThrowsLpmc(ErrorKind::corrupt, "9"));
}

TEST_F(Clips, AnIdInTwoManifestsIsRefused) {
  ManifestClipOptions twice = options();
  twice.manifests.push_back(data_.manifest());
  EXPECT_THAT([&] { ManifestClips{twice}; }, ThrowsLpmc(ErrorKind::corrupt, "'clip 0'"));
}

TEST_F(Clips, TheFingerprintTellsDataApart) {
  const std::string before = ManifestClips(options()).fingerprint();
  EXPECT_EQ(ManifestClips(options()).fingerprint(), before);
  ManifestClipOptions other = options();
  other.captions = "all";
  EXPECT_NE(ManifestClips(other).fingerprint(), before);
}

}  // namespace
}  // namespace lpmc::test
