#include "lpmc/training/loader.h"

#include <thread>

#include "tests/support/matchers.h"
#include "tests/unit/training/small_run.h"

namespace lpmc::test {
namespace {

/// Clip i is a constant wave of i / 100 with a caption of i words; clip 7 cannot be read.
class CountingClips : public ClipSource {
 public:
  std::size_t size() const override { return 8; }
  std::string id(std::size_t item) const override { return "clip " + std::to_string(item); }
  std::string read(std::size_t item, CounterRandom& random, std::span<float> waveform) const override {
    LPMC_REQUIRE(item != 7, corrupt, "clip 7: broken");
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(3)));  // threads overtake each other
    for (float& x : waveform)
      x = static_cast<float>(random.uniform() - 0.5);
    std::string caption = "a";
    for (std::size_t i = 0; i < item; ++i)
      caption += " song";
    return caption;
  }
};

class Loader : public ::testing::Test {
 protected:
  BatchMaker maker(int max_length = 24) const {
    BatchMakerOptions options;
    options.max_length = max_length;
    options.seed = 5;
    options.augment.gain_db = 3;
    options.augment.time_masks = 1;
    return {clips_, tokenizer_, small_run_config(), options};
  }
  static std::optional<std::vector<SampleRef>> plan(std::uint64_t j) {
    if (j >= 20) return std::nullopt;
    return std::vector<SampleRef>{{2 * j, (2 * j) % 7}, {2 * j + 1, (2 * j + 1) % 7}};
  }

  CountingClips clips_;
  BpeTokenizer tokenizer_ =
      BpeTokenizer::from_files(shipped_model() / "vocab.json", shipped_model() / "merges.txt");
};

TEST_F(Loader, BatchesAreTheSameWithAnyNumberOfThreads) {
  const BatchMaker batches = maker();
  BatchLoader one(batches, plan, 1), many(batches, plan, 5);
  for (int j = 0; j < 20; ++j) {
    const auto a = one.next(), b = many.next();
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->ids, b->ids);
    EXPECT_EQ(a->input_ids, b->input_ids);
    const auto x = a->log_mel.values<float>(), y = b->log_mel.values<float>();
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
  }
  EXPECT_FALSE(one.next());
  EXPECT_FALSE(many.next());
  EXPECT_FALSE(many.next());
  EXPECT_GE(one.waited_s(), 0);
}

TEST_F(Loader, GoesOnFromAnyBatch) {
  const BatchMaker batches = maker();
  BatchLoader whole(batches, plan, 2), rest(batches, plan, 2, 13);
  for (int j = 0; j < 13; ++j)
    whole.next();
  const auto a = whole.next(), b = rest.next();
  EXPECT_EQ(a->input_ids, b->input_ids);
  const auto x = a->log_mel.values<float>(), y = b->log_mel.values<float>();
  EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
}

TEST_F(Loader, AFailureComesInItsTurn) {
  const BatchMaker batches = maker();
  BatchLoader loader(
      batches,
      [](std::uint64_t j) {
        return std::vector<SampleRef>{{j, j == 3 ? std::size_t{7} : 1}};
      },
      4);
  for (int j = 0; j < 3; ++j)
    EXPECT_TRUE(loader.next());
  EXPECT_THAT([&] { loader.next(); }, ThrowsLpmc(ErrorKind::corrupt, "clip 7"));
}

TEST_F(Loader, CanBeDroppedAtAnyTime) {
  const BatchMaker batches = maker();
  for (int taken = 0; taken < 4; ++taken) {
    BatchLoader loader(batches, plan, 3);
    for (int j = 0; j < taken; ++j)
      loader.next();
  }
}

TEST_F(Loader, TextsArePaddedToTheLongest) {
  const TrainBatch batch = maker().make(std::vector<SampleRef>{{0, 0}, {1, 3}});
  const std::vector<std::int32_t> brief = tokenizer_.encode("a"),
                                  longest = tokenizer_.encode("a song song song");
  ASSERT_EQ(batch.length, static_cast<std::int64_t>(longest.size()));
  for (std::size_t i = 0; i < longest.size(); ++i) {
    EXPECT_EQ(batch.input_ids[i], i < brief.size() ? brief[i] : 1);
    EXPECT_EQ(batch.input_ids[longest.size() + i], longest[i]);
  }
  EXPECT_EQ(batch.tokens, static_cast<std::int64_t>(brief.size() + longest.size()));
  EXPECT_EQ(batch.cut_captions, 0);
  EXPECT_EQ(batch.log_mel.shape(), Shape({2, 16, 101}));
}

TEST_F(Loader, LongCaptionsAreCutAndKeepTheirEnd) {
  const TrainBatch batch = maker(4).make(std::vector<SampleRef>{{0, 6}});
  const std::vector<std::int32_t> whole = tokenizer_.encode("a song song song song song song");
  EXPECT_EQ(batch.length, 4);
  EXPECT_EQ(batch.cut_captions, 1);
  EXPECT_EQ(batch.cut_id, "clip 6");
  EXPECT_THAT(batch.input_ids, ::testing::ElementsAre(whole[0], whole[1], whole[2], whole.back()));
  EXPECT_THAT([&] { maker(41); }, ThrowsLpmc(ErrorKind::invalid_argument, "40 positions"));
}

}  // namespace
}  // namespace lpmc::test
