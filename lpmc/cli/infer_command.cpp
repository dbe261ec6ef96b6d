#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/fields.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/captioner.h"
#include "lpmc/captioning/inference_file.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/infer_clips.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/model/model_dir.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The command line of `lpmc infer`.
struct InferFlags {
  CommonOptions common;
  BoundOptions<GenerationOptions> generation;
  ClipSelection selection;
  std::string model = "default";
  std::string tokenizer;
  std::string dtype = "auto";
  std::string output;
  std::string crop = "start";
  int batch_size = 0;
};

/// All that the captions depend on. A model folder may be trained on, so its weights are told by size and
/// time.
json settings_of(const InferFlags& flags, const Captioner& captioner, const GenerationOptions& search) {
  const fs::path weights = find_model(flags.model, flags.tokenizer).weights;
  std::error_code ignored;
  const auto written = fs::last_write_time(weights, ignored).time_since_epoch();
  json settings = {{"model", replace_invalid_utf8(flags.model)},
                   {"model_bytes", fs::file_size(weights, ignored)},
                   {"model_time", std::chrono::duration_cast<std::chrono::seconds>(written).count()},
                   {"dtype", captioner.dtype()},
                   {"manifest", replace_invalid_utf8(flags.selection.manifest)},
                   {"audio_dir", replace_invalid_utf8(flags.selection.audio_dir)},
                   {"split", replace_invalid_utf8(flags.selection.split)},
                   {"crop", flags.crop}};
  settings.update(options_to_json(search));
  return settings;
}

/// The clips that are not finished, and what becomes of them.
class InferRun {
 public:
  InferRun(const std::vector<InferredClip>& clips, InferenceFile& file, Crop crop)
      : file_(file), crop_(crop) {
    for (const InferredClip& clip : clips) {
      if (file.has(clip.audio_id)) continue;
      if (clip.audio.empty()) {
        fail_clip(clip, "expected a field \"audio\" in the manifest, found none");
      } else {
        waiting_.push_back(&clip);
      }
    }
  }

  std::size_t waiting() const { return waiting_.size(); }
  std::size_t failed() const { return failed_; }

  /// Called by the captioner's own thread.
  std::optional<AudioInput> next() {
    if (opened_ == waiting_.size()) return std::nullopt;
    return crop_.input(*waiting_[opened_++]);
  }

  /// Takes captions in the order of next().
  void take(const FileCaptions& captions) {
    const InferredClip& clip = *waiting_[taken_++];
    for (const std::string& warning : captions.warnings)
      log(LogLevel::warning, "{}: {}", display_path(captions.file), warning);
    if (captions.failure) {
      fail_clip(clip, captions.failure->message);
      return;
    }
    const Segment& first = captions.segments.front();
    if (first.silent) log(LogLevel::warning, "{}: silence: an empty caption", display_path(captions.file));
    file_.add(clip.audio_id, first.text());
  }

 private:
  void fail_clip(const InferredClip& clip, std::string_view message) {
    ++failed_;
    log(LogLevel::error, "clip '{}': {}", clip.audio_id, message);
  }

  InferenceFile& file_;
  Crop crop_;
  std::vector<const InferredClip*> waiting_;
  std::size_t opened_ = 0;  // used by the captioner's thread alone
  std::size_t taken_ = 0;   // used by the thread that takes results
  std::size_t failed_ = 0;
};

/// @return false when it was interrupted
bool caption_clips(const InferFlags& flags, Captioner& captioner, const GenerationOptions& search,
                   const std::stop_token& stop, InferRun& run) {
  CaptionOptions options;
  options.duration_s = captioner.segment_duration_s();
  options.batch_size = flags.batch_size;
  Progress progress(flags.common.progress, flags.common.quiet);
  ProgressState state;
  state.files_total = run.waiting();
  Captioner::Batch batch;
  batch.next_file = [&] { return run.next(); };
  batch.on_file = [&](FileCaptions&& captions) { run.take(captions); };
  batch.on_progress = [&](const CaptionProgress& p) {
    state.files_done = p.files_done;
    state.segments_done = p.segments_done;
    state.audio_s_done = p.audio_s_done;
    state.audio_s_known = p.audio_s_known;
    progress.update(state);
  };
  batch.stop = stop;
  try {
    captioner.caption_files(batch, options, search);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    progress.clear();
    return false;
  }
  progress.finish(state);
  return true;
}

int infer(InferFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  std::vector<InferredClip> clips = read_clips(flags.selection);
  Captioner captioner(flags.model, flags.tokenizer, flags.dtype);
  LPMC_REQUIRE(captioner.has_vocabulary(), not_found,
               "{}: no vocab.json and merges.txt beside the weights, so no text; --tokenizer DIR names their "
               "folder",
               flags.model);
  GenerationOptions search = captioner.default_generation();
  if (flags.generation.values().sample) search.num_beams = 1;  // plain sampling, unless beams are asked for
  flags.generation.apply_to(search);
  InferenceFile file(flags.output, settings_of(flags, captioner, search));
  if (file.size() > 0) log(LogLevel::info, "{} clips are finished by an earlier run", file.size());
  InferRun run(clips, file,
               {.is_random = flags.crop == "random",
                .seed = search.seed,
                .segment_s = captioner.segment_duration_s()});
  if (!caption_clips(flags, captioner, search, stop, run)) {
    log(LogLevel::error, "interrupted: {} of {} clips done and kept; the same command goes on", file.size(),
        clips.size());
    return kInterrupted;
  }
  const std::size_t total = clips.size();
  file.finish(std::move(clips), run.failed() == 0);
  if (run.failed() == 0) return kAllDone;
  log(LogLevel::error, "{} of {} clips failed; the same command tries them again", run.failed(), total);
  return kSomeFailed;
}

void add_clip_flags(CLI::App& app, InferFlags& flags) {
  const auto group = "Clips";
  add_flag_or_option(
      app, "--manifest", flags.selection.manifest,
      "JSONL of {\"id\", \"audio\", \"split\", \"caption\"}, or another of the data sets' files", "manifest")
      ->required()
      ->group(group);
  add_flag_or_option(app, "--split", flags.selection.split,
                     "only these clips: train, valid or test; all without it", "split")
      ->group(group);
  add_flag_or_option(app, "--split-file", flags.selection.split_file,
                     "JSON of ids by split, instead of the manifest's own splits", "split-file")
      ->group(group);
  add_flag_or_option(app, "--audio-dir", flags.selection.audio_dir,
                     "where relative names of audio files begin; the manifest's folder without it",
                     "audio-dir")
      ->group(group);
  add_flag_or_option(app, "--crop", flags.crop,
                     "start: the clip's first segment; random: one from anywhere in it (--seed)", "crop")
      ->check(one_of({"start", "random"}))
      ->group(group);
}

}  // namespace

void add_infer_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<InferFlags>();
  const auto group = "Model";
  add_flag_or_option(app, "-m,--model", flags->model,
                     "a folder, a name (`lpmc model list`) or a checkpoint (.pth)", "model")
      ->group(group);
  add_flag_or_option(app, "--tokenizer", flags->tokenizer,
                     "folder with vocab.json and merges.txt, if not beside the weights", "tokenizer")
      ->group(group);
  add_flag_or_option(app, "--dtype", flags->dtype,
                     "arithmetic; auto = the fastest here whose captions the model card vouches for", "dtype")
      ->check(one_of({"auto", "f32", "bf16", "int8"}))
      ->group(group);
  add_clip_flags(app, *flags);
  add_flag_or_option(app, "-o,--output", flags->output,
                     "inference.json; an interrupted run goes on from OUTPUT.partial.jsonl", "output")
      ->required()
      ->group("Output");
  flags->generation.add_to(app, "Search");
  add_flag_or_option(app, "--batch-size", flags->batch_size,
                     "segments decoded together; 0 = chosen for this machine", "batch-size")
      ->group("Search");
  add_common_options(app, flags->common);
  add_examples(app,
               "  lpmc infer -m runs/transfer --manifest mc.jsonl --split test -o inference.json\n"
               "  lpmc evaluate inference.json -o results.json\n");
  app.callback([&run, flags] { run = [flags] { return infer(*flags); }; });
}

}  // namespace lpmc::cli
