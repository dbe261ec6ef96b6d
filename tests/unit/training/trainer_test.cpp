#include "lpmc/training/trainer.h"

#include <fstream>

#include "lpmc/model/model_dir.h"
#include "lpmc/training/checkpoint.h"
#include "lpmc/training/learner.h"

#include "tests/support/matchers.h"
#include "tests/unit/training/small_run.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

std::vector<json> log_of(const fs::path& out) {
  std::vector<json> entries;
  std::ifstream file(out / "log.jsonl");
  for (std::string line; std::getline(file, line);)
    entries.push_back(json::parse(line));
  return entries;
}

std::vector<double> losses_of(const fs::path& out) {
  std::vector<double> losses;
  for (const json& entry : log_of(out)) {
    if (entry["kind"] == "train") losses.push_back(entry["loss"]);
  }
  return losses;
}

/// Stops a run after `step` updates, as Ctrl-C does.
TrainResult train_until(const TrainJob& job, std::int64_t step) {
  std::stop_source source;
  TrainHooks hooks;
  hooks.stop = source.get_token();
  hooks.on_progress = [&](const TrainProgress& p) {
    if (p.step >= step) source.request_stop();
  };
  return train(job, hooks);
}

class TrainRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { set_training_threads(1); }
  std::string weights(const fs::path& out) const { return read_file(out / "model.safetensors"); }
  SmallRunData data_;
};

TEST_F(TrainRun, WritesAModelFolder) {
  const TrainResult result = train(data_.job(), {});
  EXPECT_EQ(result.end, TrainEnd::finished);
  EXPECT_EQ(result.step, 6);
  const Model model = open_model(find_model(data_.out().string()));
  EXPECT_EQ(model.config, small_run_config());
  EXPECT_EQ(model.generation_config["max_length"], 24);
  EXPECT_TRUE(model.files.vocab && model.files.merges && model.files.card);
  EXPECT_EQ(losses_of(data_.out()).size(), 6U);
  for (const char* file : {"hparams.json", "report.html", "README.md", "samples/0.wav", "best/config.json"})
    EXPECT_TRUE(fs::exists(data_.out() / file)) << file;
  EXPECT_THAT(read_file(data_.out() / "README.md"), HasSubstr("after update 6 of 6"));
  EXPECT_EQ(json::parse(read_file(data_.out() / "hparams.json"))["options"]["batch_size"], 4);
}

TEST_F(TrainRun, LossFalls) {
  TrainJob job = data_.job(60);
  job.run.validate_every = 0;
  job.run.checkpoint_every = 0;
  job.options.dropout = job.options.attention_dropout = job.options.activation_dropout = 0;
  job.options.lr = 5e-3;
  train(job, {});
  const std::vector<double> losses = losses_of(data_.out());
  EXPECT_LT(losses.back(), 0.6 * losses.front());
}

TEST_F(TrainRun, EndedAndTakenUpAgainEqualsNeverEnded) {
  const TrainJob whole = data_.job(7);
  train(whole, {});
  TrainJob parts = whole;
  parts.out = data_ / "parts";
  for (const std::int64_t step : {1, 2, 5}) {
    const TrainResult result = train_until(parts, step);
    EXPECT_EQ(result.end, TrainEnd::interrupted);
    EXPECT_EQ(result.step, step);
  }
  EXPECT_EQ(train(parts, {}).first_step, 5);
  EXPECT_EQ(weights(parts.out), weights(whole.out));
  EXPECT_EQ(weights(parts.out / "best"), weights(whole.out / "best"));
  EXPECT_EQ(losses_of(parts.out), losses_of(whole.out));
  EXPECT_EQ(train(parts, {}).first_step, 7);  // done: nothing more happens
}

TEST_F(TrainRun, ADamagedStateGoesOnFromTheOneBefore) {
  train_until(data_.job(7), 4);
  fs::resize_file(data_.out() / "state/000000000004.safetensors", 1000);
  EXPECT_EQ(train(data_.job(7), {}).first_step, 2);
  TrainJob whole = data_.job(7);
  whole.out = data_ / "whole";
  train(whole, {});
  EXPECT_EQ(weights(data_.out()), weights(whole.out));
}

TEST_F(TrainRun, WorkersDoNotMatter) {
  train(data_.job(), {});
  TrainJob many = data_.job();
  many.out = data_ / "many";
  many.run.workers = 6;
  train(many, {});
  EXPECT_EQ(weights(many.out), weights(data_.out()));
}

TEST_F(TrainRun, AccumulatedPartsAddUp) {
  TrainJob whole = data_.job(3), parts = data_.job(3);
  for (TrainJob* job : {&whole, &parts}) {
    job->options.dropout = job->options.attention_dropout = job->options.activation_dropout = 0;
  }
  parts.options.accumulate = 4;
  parts.out = data_ / "parts";
  train(whole, {});
  train(parts, {});
  const std::vector<double> a = losses_of(whole.out), b = losses_of(parts.out);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(a[i], b[i], 1e-4);  // float32 sums in another order, through three updates
}

TEST_F(TrainRun, OtherOptionsAreRefusedWithTheDifference) {
  train_until(data_.job(), 2);
  TrainJob other = data_.job();
  other.options.lr = 2e-3;
  other.options.seed = 5;
  EXPECT_THAT([&] { train(other, {}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "lr: 0.001 then, 0.002 now; seed: 0 then, 5 now"));
  TrainJob workers = data_.job();
  workers.run.workers = 1;
  EXPECT_EQ(train(workers, {}).first_step, 2);
}

TEST_F(TrainRun, OtherDataAreRefused) {
  train_until(data_.job(), 2);
  data_.add({{"id", "new"}, {"audio", "0.wav"}, {"split", "train"}, {"caption", "x"}});
  EXPECT_THAT([&] { train(data_.job(), {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "data: "));
}

TEST_F(TrainRun, ResumeAndOverwrite) {
  TrainJob job = data_.job();
  job.must_resume = true;
  EXPECT_THAT([&] { train(job, {}); }, ThrowsLpmc(ErrorKind::not_found, "found no whole state"));
  train(data_.job(), {});
  TrainJob anew = data_.job();
  anew.overwrite = true;
  anew.options.lr = 2e-3;
  EXPECT_EQ(train(anew, {}).first_step, 0);
  fs::remove_all(data_.out() / "state");
  EXPECT_THAT([&] { train(data_.job(), {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "without a model"));
}

TEST_F(TrainRun, ALossThatIsNotFiniteStopsAndKeepsTheState) {
  TrainJob job = data_.job(100);
  job.options.lr = 10;
  job.options.weight_decay = 1;
  job.options.warmup_updates = 1;
  EXPECT_THAT([&] { train(job, {}); }, ThrowsLpmc(ErrorKind::corrupt, "expected a finite loss"));
  const Model model = open_model(find_model(data_.out().string()));
  check_finite(model.config, model.weights);
}

TEST_F(TrainRun, AClipThatFailsKeepsTheState) {
  TrainJob job = data_.job(40);
  job.run.checkpoint_every = 0;
  job.options.sampler = "sequential";
  std::ofstream(data_ / "broken.wav") << "RIFF";
  data_.add({{"id", "broken"}, {"audio", "broken.wav"}, {"split", "train"}, {"caption", "x"}});
  EXPECT_THAT([&] { train(job, {}); },
              ::testing::Throws<Error>(::testing::Property(&Error::what, HasSubstr("clip 'broken'"))));
  EXPECT_EQ(StateFolder(data_.out() / "state", 2).newest()->facts["step"], 1);  // the 7th clip: update 2
}

TEST_F(TrainRun, StopsEarlyAndKeepsTheBest) {
  TrainJob job = data_.job(50);
  job.run.validate_every = 1;
  job.run.patience = 2;
  job.options.lr = 0;  // nothing gets better after the first validation
  const TrainResult result = train(job, {});
  EXPECT_EQ(result.end, TrainEnd::stopped_early);
  EXPECT_EQ(result.best_step, 1);
  EXPECT_EQ(result.step, 3);
  EXPECT_EQ(train(job, {}).first_step, result.step);
}

TEST_F(TrainRun, SampleCaptionsComeFromTheHook) {
  TrainHooks hooks;
  hooks.caption = [](const fs::path& model, const fs::path& manifest) {
    EXPECT_TRUE(fs::exists(model / "model.safetensors"));
    EXPECT_TRUE(fs::exists(manifest.parent_path() / "1.wav"));
    return std::vector<std::string>{"one <caption>", "two"};
  };
  train(data_.job(), hooks);
  EXPECT_THAT(read_file(data_.out() / "report.html"), HasSubstr("one &lt;caption&gt;"));
  hooks.caption = [](const fs::path&, const fs::path&) -> std::vector<std::string> {
    fail(ErrorKind::io, "no");
  };
  TrainJob other = data_.job();
  other.out = data_ / "other";
  EXPECT_EQ(train(other, hooks).end, TrainEnd::finished);
  EXPECT_EQ(weights(other.out), weights(data_.out()));
}

TEST_F(TrainRun, TransferStartsFromAModel) {
  train(data_.job(), {});
  TrainJob transfer = data_.job(1);
  transfer.options.framework = "transfer";
  transfer.options.lr = 0;
  transfer.options.warmup_updates = 0;
  transfer.options.weight_decay = 0;
  transfer.out = data_ / "transfer";
  transfer.config = transfer.tokenizer = fs::path();
  EXPECT_THAT([&] { train(transfer, {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "expected --init"));
  transfer.init = data_.out().string();
  train(transfer, {});
  EXPECT_EQ(weights(transfer.out), weights(data_.out()));
  TrainJob other_shape = transfer;
  other_shape.out = data_ / "shape";
  other_shape.init = shipped_model().string();
  other_shape.config = data_.config();
  EXPECT_THAT([&] { train(other_shape, {}); }, ::testing::Throws<Error>());
}

TEST_F(TrainRun, WhatCannotWorkIsSaidAtOnce) {
  TrainJob none = data_.job();
  none.train_split = "nothing";
  EXPECT_THAT([&] { train(none, {}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected clips of the split 'nothing'"));
  TrainJob bf16 = data_.job();
  bf16.options.bf16 = true;
  EXPECT_THAT([&] { train(bf16, {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "--bf16"));
  TrainJob large = data_.job();
  large.config = large.tokenizer = fs::path();
  large.model_size = "bart-base";
  EXPECT_THAT([&] { train(large, {}); }, ThrowsLpmc(ErrorKind::not_found, "--tokenizer"));
  TrainJob longer = data_.job();
  longer.options.max_length = 41;
  EXPECT_THAT([&] { train(longer, {}); }, ThrowsLpmc(ErrorKind::invalid_argument, "40 positions"));
  EXPECT_FALSE(fs::exists(data_.out()));
}

}  // namespace
}  // namespace lpmc::test
