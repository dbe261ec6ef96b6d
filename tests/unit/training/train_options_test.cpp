#include "lpmc/training/train_options.h"

#include <cmath>
#include <numbers>

#include "lpmc/base/fields.h"

#include "tests/support/matchers.h"

namespace lpmc::test {
namespace {

using ::testing::ElementsAre;

TEST(Schedule, IsThePublishedFormulaInEpochs) {
  TrainOptions options = preset_options("repo", "pretrain");
  options.sampler = "tag-balanced";
  const RunLength length = run_length(options, 500000);
  ASSERT_EQ(length.steps_per_epoch, 32);
  for (const int update : {0, 1, 31, 3999, 4000, 4001, 70000, 131071}) {
    const double epoch = update / 32 + (update % 32) / 32.0;  // NOLINT: the original divides whole numbers
    const double expected =
        epoch < 125
            ? 1e-4 * epoch / 125
            : 1e-9 + (1e-4 - 1e-9) * 0.5 * (1 + std::cos(std::numbers::pi * (epoch - 125) / (4096 - 125)));
    EXPECT_NEAR(length.schedule.at(update), expected, 1e-18) << update;
  }
}

TEST(Schedule, WithoutWarmUpBeginsAtTheTop) {
  const Schedule schedule{1.0, 0.0, 0.0, 10.0};
  EXPECT_DOUBLE_EQ(schedule.at(0), 1.0);
  EXPECT_NEAR(schedule.at(5), 0.5, 1e-15);
}

TEST(Presets, DifferAsThePaperAndItsRepositoryDo) {
  TrainOptions paper = with_choices_made(preset_options("paper", "pretrain"));
  TrainOptions repo = with_choices_made(preset_options("repo", "pretrain"));
  EXPECT_EQ(run_length(paper, 1).updates, 32768);
  EXPECT_EQ(run_length(paper, 1).schedule.warmup_updates, 1000);
  EXPECT_EQ(run_length(repo, 1).updates, 131072);
  EXPECT_EQ(run_length(repo, 1).schedule.warmup_updates, 4000);
  EXPECT_EQ(repo.captions, "all");
  EXPECT_EQ(repo.sampler, "tag-balanced");
  EXPECT_EQ(repo.max_length, 110);
  EXPECT_EQ(preset_options("repo", "transfer").warmup_epochs, 20);
  EXPECT_EQ(preset_options("repo", "supervised").warmup_epochs, 1);
  EXPECT_EQ(with_choices_made(preset_options("paper", "transfer")).captions, "human");
  for (const TrainOptions& options : {paper, repo}) {
    EXPECT_EQ(options.augment.gain_db, 0);
    EXPECT_EQ(options.augment.freq_masks + options.augment.time_masks, 0);
    EXPECT_EQ(options.clip_norm, 0);
  }
  EXPECT_THAT([] { preset_options("big", "pretrain"); }, ThrowsLpmc(ErrorKind::invalid_argument, "'big'"));
  EXPECT_THAT([] { preset_options("paper", "fine"); }, ThrowsLpmc(ErrorKind::invalid_argument, "'fine'"));
}

TEST(RunLength, EpochsFollowFromTheClips) {
  TrainOptions options;
  options.batch_size = 64;
  options.epochs = 10;
  options.warmup_updates = 0;
  options.warmup_epochs = 1;
  const RunLength length = run_length(options, 2663);
  EXPECT_EQ(length.steps_per_epoch, 41);
  EXPECT_EQ(length.updates, 410);
  EXPECT_EQ(length.schedule.warmup_updates, 41);
  EXPECT_EQ(run_length(options, 3).steps_per_epoch, 1);
  options.warmup_epochs = 10;
  EXPECT_THAT([&] { run_length(options, 2663); }, ThrowsLpmc(ErrorKind::invalid_argument, "warm-up"));
}

TEST(TrainOptions, ValuesThatMakeNoSenseAreNamed) {
  const auto wrong = [](auto change, const char* name) {
    TrainOptions options;
    change(options);
    EXPECT_THAT([&] { validate(options); }, ThrowsLpmc(ErrorKind::invalid_argument, name));
  };
  wrong([](TrainOptions& o) { o.batch_size = 0; }, "--batch-size");
  wrong([](TrainOptions& o) { o.accumulate = 3; }, "--accumulate");
  wrong([](TrainOptions& o) { o.lr = -1; }, "--lr");
  wrong([](TrainOptions& o) { o.lr = std::nan(""); }, "--lr");
  wrong([](TrainOptions& o) { o.min_lr = 1; }, "--min-lr");
  wrong([](TrainOptions& o) { o.dropout = 1; }, "--dropout");
  wrong([](TrainOptions& o) { o.max_length = 2; }, "--max-length");
  wrong([](TrainOptions& o) { o.sampler = "random"; }, "--sampler");
  RunOptions run;
  run.device = "tpu";
  EXPECT_THAT([&] { validate(run); }, ThrowsLpmc(ErrorKind::invalid_argument, "--device"));
  validate(TrainOptions());
  validate(RunOptions());
}

TEST(OptionDifferences, NameKeyAndBothValues) {
  TrainOptions then, now;
  now.lr = 2e-4;
  now.augment.gain_db = 3;
  EXPECT_THAT(option_differences(options_to_json(then), options_to_json(now)),
              ElementsAre("gain_db: 0.0 then, 3.0 now", "lr: 0.0001 then, 0.0002 now"));
  EXPECT_THAT(option_differences({{"a", 1}}, {{"b", 1}}),
              ElementsAre("a: 1 then, nothing now", "b: nothing then, 1 now"));
}

}  // namespace
}  // namespace lpmc::test
