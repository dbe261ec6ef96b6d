// lpmc-train: learns a model. `lpmc train` runs it.

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/program.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/cli/train_samples.h"
#include "lpmc/cli/version.h"
#include "lpmc/training/learner.h"
#include "lpmc/training/trainer.h"

namespace lpmc::cli {
namespace {

/// The command line.
struct TrainFlags {
  CommonOptions common;
  BoundOptions<TrainOptions> options;
  BoundOptions<RunOptions> run;
  TrainJob job;
  std::string preset = "paper";
  std::vector<std::string> manifests;
  std::string cache, audio_dir, out, tokenizer, config, model_size;
};

void add_data_flags(CLI::App& app, TrainFlags& flags) {
  const auto group = "Data";
  app.add_option("--manifest", flags.manifests, "JSONL of clips (`lpmc prepare`); may be given again")
      ->required()
      ->envname(environment_name("manifest"))
      ->group(group);
  add_flag_or_option(app, "--cache", flags.cache, "folder of decoded audio (`lpmc prepare`)", "cache")
      ->group(group);
  add_flag_or_option(app, "--audio-dir", flags.audio_dir,
                     "where relative names of audio files begin; the manifest's folder without it",
                     "audio-dir")
      ->group(group);
  add_flag_or_option(app, "--train-split", flags.job.train_split, "clips to learn from", "train-split")
      ->group(group);
  add_flag_or_option(app, "--valid-split", flags.job.valid_split, "clips to validate on", "valid-split")
      ->group(group);
  add_flag_or_option(app, "--skip-missing", flags.job.skip_missing,
                     "leave out clips whose audio is missing or too short", "skip-missing")
      ->group(group);
}

void add_model_flags(CLI::App& app, TrainFlags& flags) {
  const auto group = "Model";
  add_flag_or_option(
      app, "--preset", flags.preset,
      "recipe that all other options start from: paper, repo (the original repository's), small", "preset")
      ->check(one_of({"paper", "repo", "small"}))
      ->group(group);
  add_flag_or_option(app, "--out", flags.out, "folder of the run; it is a model folder", "out")
      ->required()
      ->group(group);
  add_flag_or_option(app, "--init", flags.job.init,
                     "model to start from: a folder, a name or a checkpoint (.pth)", "init")
      ->group(group);
  add_flag_or_option(app, "--tokenizer", flags.tokenizer,
                     "folder with vocab.json and merges.txt; that of --init without it", "tokenizer")
      ->group(group);
  add_flag_or_option(app, "--model-size", flags.model_size,
                     "bart-base, small or tiny, for a model from scratch; the preset's without it",
                     "model-size")
      ->check(one_of({"bart-base", "small", "tiny"}))
      ->group(group);
  add_flag_or_option(app, "--config", flags.config, "config.json of a model of another shape", "config")
      ->group(group);
  CLI::Option* resume =
      add_flag_or_option(app, "--resume", flags.job.must_resume,
                         "go on with the run in --out, and fail where there is none", "resume")
          ->group(group);
  add_flag_or_option(app, "--overwrite", flags.job.overwrite, "begin anew, whatever is in --out", "overwrite")
      ->excludes(resume)
      ->group(group);
}

/// The preset's options, overwritten by what was given. A length given in one unit goes before the
/// preset's in the other.
TrainOptions chosen_options(TrainFlags& flags) {
  TrainOptions options = preset_options(flags.preset, flags.options.values().framework);
  flags.options.apply_to(options);
  if (flags.options.given("epochs") && !flags.options.given("updates")) options.updates = 0;
  if (flags.options.given("warmup-epochs") && !flags.options.given("warmup-updates"))
    options.warmup_updates = 0;
  return with_choices_made(options);
}

TrainJob job_of(TrainFlags& flags) {
  TrainJob job = flags.job;
  job.options = chosen_options(flags);
  job.run = flags.run.values();
  job.manifests.assign(flags.manifests.begin(), flags.manifests.end());
  job.cache = flags.cache;
  job.audio_dir = flags.audio_dir;
  job.out = flags.out;
  job.tokenizer = flags.tokenizer;
  job.config = flags.config;
  job.model_size = flags.model_size.empty() ? std::string(preset_model_size(flags.preset)) : flags.model_size;
  return job;
}

ProgressLine line_of(const TrainProgress& p) {
  const nlohmann::json line = {
      {"step", p.step},   {"updates", p.updates},         {"epoch", p.epoch},
      {"loss", p.loss},   {"accuracy", p.accuracy},       {"lr", p.lr},
      {"eta_s", p.eta_s}, {"clips_per_s", p.clips_per_s}, {"data_wait", p.data_wait}};
  return {
      fmt::format("{}/{} (epoch {:.2f})  loss {:.4f}  lr {:.2e}  {:.1f} clips/s  data wait {:.0f} %  {} left",
                  p.step, p.updates, p.epoch, p.loss, p.lr, p.clips_per_s, 100 * p.data_wait,
                  format_time(p.eta_s)),
      line.dump()};
}

void report_end(const TrainResult& result, const TrainFlags& flags) {
  std::string line = fmt::format("{}: {} updates", display_path(flags.out), result.step);
  if (result.step > result.first_step)
    line += fmt::format(", {:.1f} clips/s, data wait {:.1f} %", result.clips_per_s, 100 * result.data_wait);
  if (result.best_step >= 0)
    line += fmt::format(", best validation loss {:.4f} after update {}", result.best_loss, result.best_step);
  if (result.cut_captions > 0) line += fmt::format(", {} captions cut", result.cut_captions);
  if (result.end == TrainEnd::stopped_early) line += ", stopped early";
  fmt::print("{}\n", line);
}

int run_training(TrainFlags& flags) {
  TrainHooks hooks;
  hooks.stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  set_training_threads(flags.common.threads);
  const TrainJob job = job_of(flags);
  if (job.run.samples > 0) hooks.caption = caption_with_lpmc(flags.common.threads);
  Progress progress(flags.common.progress, flags.common.quiet);
  hooks.on_progress = [&](const TrainProgress& p) { progress.update([&p] { return line_of(p); }); };
  const TrainResult result = train(job, hooks);
  progress.clear();
  if (result.end == TrainEnd::interrupted) {
    log(LogLevel::error, "interrupted after update {}: its state is kept, and the same command goes on",
        result.step);
    return kInterrupted;
  }
  if (result.is_main) report_end(result, flags);
  return kAllDone;
}

int run(int argc, char** argv) {
  CLI::App app("Learns a model that captions music: supervised, pretrain, transfer.", "lpmc-train");
  TrainFlags flags;
  app.set_version_flag("--version", [] { return version_text() + "\n" + training_library_version(); });
  add_data_flags(app, flags);
  add_model_flags(app, flags);
  flags.options.add_to(app, "Recipe");
  flags.run.add_to(app, "Run");
  add_common_options(app, flags.common);
  add_examples(
      app,
      "  lpmc train --framework pretrain   --manifest tracks.jsonl --cache cache/ --out runs/pretrain\n"
      "  lpmc train --framework transfer   --init runs/pretrain --manifest mc.jsonl --out runs/transfer\n"
      "  lpmc train --framework supervised --preset small --manifest mc.jsonl --out runs/supervised\n"
      "Defaults shown are those of --preset paper, supervised; other presets and frameworks have others.\n"
      "The same command run again goes on where it was ended or killed. docs/TRAINING.md tells more.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllDone : kWrongUsage;
  }
  return run_training(flags);
}

}  // namespace
}  // namespace lpmc::cli

int main(int argc, char** argv) {
  return lpmc::cli::run_program([&] { return lpmc::cli::run(argc, argv); });
}
