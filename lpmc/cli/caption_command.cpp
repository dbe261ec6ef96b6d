#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/audio/file_tags.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/captioner.h"
#include "lpmc/captioning/formats.h"
#include "lpmc/captioning/input_files.h"
#include "lpmc/captioning/output_files.h"
#include "lpmc/captioning/result_file.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/cli/terminal.h"

namespace lpmc::cli {
namespace {

/// The command line of `lpmc caption`.
struct CaptionFlags {
  CommonOptions common;
  BoundOptions<CaptionOptions> caption;
  BoundOptions<GenerationOptions> generation;
  std::vector<std::string> inputs;
  std::string model = "default";
  std::string tokenizer;
  std::string dtype = "auto";
  std::string format = "text";
  std::string output;
  std::string sidecar;
  std::string files_from;
  std::string shard;
  bool nul_separated = false;
  bool recursive = false;
  bool skip_existing = false;
  bool overwrite = false;
  bool write_tags = false;
  bool tokens = false;
};

/// What the flags come to, once they have been checked against each other.
struct CaptionPlan {
  CaptionFormat format = CaptionFormat::text;
  FormatOptions format_options;
  CaptionOptions caption;
  std::vector<InputFile> inputs;
  std::optional<OutputPlace> place;                  ///< a file for each input
  std::vector<PlannedOutput> outputs;                ///< as many as inputs, where `place` is set
  std::optional<std::filesystem::path> result_file;  ///< one file for all; neither: stdout
};

bool is_original(const CaptionFlags& flags) {
  return flags.caption.values().compat == "original";
}

void check_flags(const CaptionFlags& flags) {
  LPMC_REQUIRE(!flags.inputs.empty() || !flags.files_from.empty(), invalid_argument,
               "caption: expected audio files, found none; see `lpmc caption --help`");
  LPMC_REQUIRE(flags.sidecar.empty() || flags.output.empty(), invalid_argument,
               "--sidecar writes beside each input and --output elsewhere: expected one of them, found both");
  LPMC_REQUIRE(!flags.nul_separated || !flags.files_from.empty(), invalid_argument,
               "-0 separates the names of --files-from: expected that flag, found none");
  LPMC_REQUIRE(!flags.skip_existing || !flags.sidecar.empty() || !flags.output.empty(), invalid_argument,
               "--skip-existing: expected --sidecar or --output, found neither");
  validate(flags.caption.values());
}

CaptionFormat chosen_format(const CaptionFlags& flags) {
  if (!flags.sidecar.empty()) {
    const auto format = caption_format_of_extension(flags.sidecar);
    LPMC_REQUIRE(format, invalid_argument, "--sidecar: expected one of {}, found '{}'",
                 caption_extension_names(), flags.sidecar);
    return *format;
  }
  if (is_original(flags) && flags.format == "text") return CaptionFormat::original;
  return parse_caption_format(flags.format);
}

InputOptions input_options(const CaptionFlags& flags) {
  InputOptions options;
  options.recursive = flags.recursive;
  options.nul_separated = flags.nul_separated;
  if (!flags.files_from.empty()) options.files_from = flags.files_from;
  if (!flags.shard.empty()) options.shard = parse_shard(flags.shard);
  return options;
}

/// A failed run must not cost hours: everything that can be refused is refused here.
CaptionPlan make_plan(CaptionFlags& flags) {
  check_flags(flags);
  CaptionPlan plan;
  plan.format = chosen_format(flags);
  plan.caption = flags.caption.values();
  const bool is_object = plan.format == CaptionFormat::json || plan.format == CaptionFormat::jsonl;
  if (is_object && !flags.caption.given("track")) plan.caption.track = true;
  if (flags.write_tags) plan.caption.track = true;
  std::vector<std::filesystem::path> named(flags.inputs.begin(), flags.inputs.end());
  plan.inputs = expand_inputs(named, input_options(flags));
  plan.format_options.tokens = flags.tokens;
  plan.format_options.track = is_object ? plan.caption.track : flags.caption.values().track;
  plan.format_options.several_files = plan.inputs.size() > 1;
  if (!flags.sidecar.empty() || (!flags.output.empty() && names_folder(flags.output))) {
    OutputPlace place;
    if (flags.sidecar.empty()) place.folder = flags.output;
    place.extension = flags.sidecar.empty() ? std::string(extension_of(plan.format)) : flags.sidecar;
    while (place.extension.starts_with('.'))
      place.extension.erase(0, 1);
    place.overwrite = flags.overwrite;
    place.skip_existing = flags.skip_existing;
    plan.outputs = plan_outputs(plan.inputs, place);
    plan.place = place;
    return plan;
  }
  LPMC_REQUIRE(
      !format_is_per_file(plan.format) || plan.inputs.size() <= 1, invalid_argument,
      "--format {}: expected one input for one output, found {}; --sidecar {} or -o FOLDER/ writes one each",
      to_string(plan.format), plan.inputs.size(), extension_of(plan.format));
  if (!flags.output.empty()) {
    check_output_file(flags.output, plan.inputs);
    plan.result_file = flags.output;
    LPMC_REQUIRE(!flags.skip_existing || plan.format == CaptionFormat::jsonl, invalid_argument,
                 "--skip-existing: expected --format jsonl for a single output file, found {}",
                 to_string(plan.format));
  }
  return plan;
}

/// Takes each file's captions to where they belong, and counts.
class ResultSink {
 public:
  ResultSink(const CaptionPlan& plan, const CaptionFlags& flags, Progress& progress)
      : plan_(plan), flags_(flags), progress_(progress) {
    if (plan.place) return;
    stream_.emplace(plan.format, plan.format_options);
    if (plan.result_file) result_file_.emplace(*plan.result_file, flags.skip_existing);
    emit(stream_->begin());
  }

  /// True when an earlier run's output already has this file.
  bool has(const std::filesystem::path& file) const { return result_file_ && result_file_->has(file); }

  std::size_t done() const { return done_; }
  std::size_t failed() const { return failed_; }

  /// @param index of the input
  void add(std::size_t index, FileCaptions captions) {
    for (const std::string& warning : captions.warnings) {
      log(LogLevel::warning, "{}: {}", display_path(captions.file), warning);
    }
    try {
      if (flags_.write_tags && !captions.failure) store_tag(captions);
      if (plan_.place && !captions.failure) {
        write_output(plan_.outputs[index], caption_document(captions, plan_.format, plan_.format_options),
                     *plan_.place);
      }
    } catch (const Error& error) {
      captions.failure = Failure{error.kind(), error.what()};
    }
    if (captions.failure) {
      ++failed_;
      log(LogLevel::error, "{}", captions.failure->message);
    } else {
      ++done_;
    }
    if (stream_) emit(stream_->add(captions));
  }

  void finish() {
    if (!stream_) return;
    emit(stream_->end());
    if (result_file_) result_file_->commit();
  }

 private:
  static void store_tag(const FileCaptions& captions) {
    if (!captions.track_caption.empty()) write_comment(captions.file, captions.track_caption);
  }

  void emit(const std::string& text) {
    if (text.empty()) return;
    if (result_file_) {
      result_file_->write(text);
      return;
    }
    progress_.clear();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  const CaptionPlan& plan_;
  const CaptionFlags& flags_;
  Progress& progress_;
  std::optional<CaptionStream> stream_;
  std::optional<ResultFile> result_file_;
  std::size_t done_ = 0, failed_ = 0;
};

/// The inputs that are to be captioned, in order. Those that failed before they began are handed to
/// the sink in their place.
class InputQueue {
 public:
  InputQueue(const CaptionPlan& plan, const ResultSink& sink) {
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      const bool skip = (plan.place && plan.outputs[i].skip) || sink.has(plan.inputs[i].file);
      if (skip) {
        ++skipped_;
        continue;
      }
      std::optional<Failure> failure = plan.inputs[i].failure;
      if (!failure && plan.place) failure = plan.outputs[i].failure;
      waiting_.push_back({i, plan.inputs[i].file, failure});
    }
  }

  std::size_t skipped() const { return skipped_; }
  std::size_t size() const { return waiting_.size(); }

  /// The next file to open. Called by the captioner's own thread.
  std::optional<std::filesystem::path> next() {
    while (opened_ < waiting_.size() && waiting_[opened_].failure)
      ++opened_;
    if (opened_ == waiting_.size()) return std::nullopt;
    return waiting_[opened_++].file;
  }

  /// Hands over failures that stand before the next captioned file (or, at the end, all that are left).
  void report_failures(ResultSink& sink) {
    for (; reported_ < waiting_.size() && waiting_[reported_].failure; ++reported_) {
      FileCaptions captions;
      captions.file = waiting_[reported_].file;
      captions.failure = waiting_[reported_].failure;
      sink.add(waiting_[reported_].index, std::move(captions));
    }
  }

  void report(ResultSink& sink, FileCaptions&& captions) {
    report_failures(sink);
    sink.add(waiting_[reported_].index, std::move(captions));
    ++reported_;
    report_failures(sink);
  }

 private:
  struct Waiting {
    std::size_t index;
    std::filesystem::path file;
    std::optional<Failure> failure;
  };
  std::vector<Waiting> waiting_;
  std::size_t opened_ = 0;    // used by the captioner's thread alone
  std::size_t reported_ = 0;  // used by the thread that takes results
  std::size_t skipped_ = 0;
};

GenerationOptions search_options(CaptionFlags& flags, const Captioner& captioner) {
  GenerationOptions search = captioner.default_generation();
  const bool sample = flags.generation.values().sample;
  if (sample && is_original(flags)) {
    search = original_sampling(search);
  } else if (sample) {
    search.num_beams = 1;  // plain sampling, unless beams are asked for
  }
  flags.generation.apply_to(search);
  return search;
}

int finish_run(const ResultSink& sink, const InputQueue& queue, bool interrupted) {
  if (queue.skipped() > 0) log(LogLevel::info, "{} files skipped: their output is there", queue.skipped());
  if (interrupted) {
    log(LogLevel::error,
        "interrupted: {} of {} files done and kept; the same command with --skip-existing goes on",
        sink.done(), queue.size());
    return kInterrupted;
  }
  if (sink.failed() == 0) return kAllDone;
  if (queue.size() > 1) log(LogLevel::error, "{} of {} files failed", sink.failed(), queue.size());
  return kSomeFailed;
}

int caption(CaptionFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  const CaptionPlan plan = make_plan(flags);
  Captioner captioner(flags.model, flags.tokenizer, flags.dtype);
  const GenerationOptions search = search_options(flags, captioner);
  CaptionPlan with_candidates = plan;
  with_candidates.format_options.candidates = search.n_best > 1;
  LPMC_REQUIRE(
      captioner.has_vocabulary() || flags.tokens, not_found,
      "{}: no vocab.json and merges.txt beside the weights, so no text; --tokenizer DIR names their folder, "
      "--tokens prints token ids",
      flags.model);
  Progress progress(flags.common.progress, flags.common.quiet);
  ResultSink sink(with_candidates, flags, progress);
  InputQueue queue(plan, sink);
  ProgressState state;
  state.files_total = queue.size();
  Captioner::Batch batch;
  batch.next_file = [&] { return queue.next(); };
  batch.on_file = [&](FileCaptions&& captions) { queue.report(sink, std::move(captions)); };
  batch.on_progress = [&](const CaptionProgress& p) {
    state.files_done = p.files_done;
    state.segments_done = p.segments_done;
    state.audio_s_done = p.audio_s_done;
    state.audio_s_known = p.audio_s_known;
    progress.update(state);
  };
  batch.stop = stop;
  bool interrupted = false;
  try {
    captioner.caption_files(batch, plan.caption, search);
    queue.report_failures(sink);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    interrupted = true;
  }
  progress.finish(state);
  sink.finish();
  return finish_run(sink, queue, interrupted);
}

void add_input_flags(CLI::App& app, CaptionFlags& flags) {
  const auto group = "Input";
  app.add_option("audio", flags.inputs, "audio or video files; folders with --recursive");
  add_flag_or_option(app, "-r,--recursive", flags.recursive, "caption what is in folders", "recursive")
      ->group(group);
  add_flag_or_option(app, "--files-from", flags.files_from,
                     "a file with one name a line; - is standard input", "files-from")
      ->group(group);
  add_flag_or_option(app, "-0,--null", flags.nul_separated,
                     "the names of --files-from end with NUL (find -print0)", "null")
      ->group(group);
  add_flag_or_option(app, "--shard", flags.shard, "I/N: only part I of N of the inputs, for several machines",
                     "shard")
      ->group(group);
}

void add_output_flags(CLI::App& app, CaptionFlags& flags) {
  const auto group = "Output";
  add_flag_or_option(app, "-f,--format", flags.format, caption_format_names(), "format")->group(group);
  add_flag_or_option(app, "-o,--output", flags.output,
                     "a file, or a folder (FOLDER/) that mirrors the input tree", "output")
      ->group(group);
  add_flag_or_option(app, "--sidecar", flags.sidecar,
                     "EXT: write song.EXT beside each input (" + caption_extension_names() + ")", "sidecar")
      ->group(group);
  add_flag_or_option(app, "--skip-existing", flags.skip_existing, "leave inputs alone whose output is there",
                     "skip-existing")
      ->group(group);
  add_flag_or_option(app, "--overwrite", flags.overwrite, "replace files that lpmc did not write",
                     "overwrite")
      ->group(group);
  add_flag_or_option(app, "--write-tags", flags.write_tags,
                     "store the track caption in the file's comment tag", "write-tags")
      ->group(group);
  add_flag_or_option(app, "--tokens", flags.tokens, "add token ids; works without vocabulary files", "tokens")
      ->group(group);
}

}  // namespace

void add_caption_command(CLI::App& app, RunFunction& run) {
  const auto flags = std::make_shared<CaptionFlags>();
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
  add_input_flags(app, *flags);
  add_output_flags(app, *flags);
  flags->caption.add_to(app, "Segments");
  flags->generation.add_to(app, "Search");
  add_common_options(app, flags->common);
  add_examples(app,
               "  lpmc caption song.mp3\n"
               "  lpmc caption ~/Music --recursive --sidecar txt --skip-existing\n"
               "  lpmc caption mix.flac --format srt -o mix.srt\n"
               "  find . -name '*.ogg' -print0 | lpmc caption --files-from - -0 --format jsonl\n");
  app.callback([&run, flags] { run = [flags] { return caption(*flags); }; });
}

}  // namespace lpmc::cli
