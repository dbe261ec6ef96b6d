#include <memory>

#include "lpmc/cli/commands.h"
#include "lpmc/cli/prepare_flags.h"

namespace lpmc::cli {
namespace {

/// Binds the sub-commands' flags and says what each runs.
class SubCommands {
 public:
  SubCommands(CLI::App& app, RunFunction& run) : app_(app), run_(run) {}

  void add_all() {
    add_audio();
    add_import();
    add_cache();
    add_verify();
    add_stats();
    add_split();
  }

 private:
  CLI::App& add(const char* name, const char* summary, int (*function)(PrepareFlags&)) {
    CLI::App& command = *app_.add_subcommand(name, summary);
    add_common_options(command, flags_->common);
    command.immediate_callback();  // environment variables are read when it is chosen (see main.cpp)
    command.callback(
        [&run = run_, flags = flags_, function] { run = [flags, function] { return function(*flags); }; });
    return command;
  }

  template <class T>
  CLI::Option& flag(CLI::App& command, const char* name, T& value, const char* help) {
    return *add_flag_or_option(command, std::string("--") + name, value, help, name);
  }

  void add_manifest(CLI::App& command) {
    command.add_option("manifest,--manifest", flags_->manifest, "JSONL, a record a line")
        ->required()
        ->envname("LPMC_MANIFEST");
  }
  void add_cache_flags(CLI::App& command, bool is_required) {
    flag(command, "cache", flags_->cache, "folder of decoded audio, made where there is none")
        .required(is_required);
    flag(command, "sample-rate", flags_->sample_rate, "Hz, of the samples in the cache")
        .check(CLI::Range(1000, 192000));
  }
  void add_fill_flags(CLI::App& command) {
    flag(command, "shard-gb", flags_->shard_gb, "GiB of samples a file of the cache holds")
        .check(CLI::Range(0.0001, 1024.0));
    flag(command, "max-duration", flags_->max_duration_s, "seconds; longer files fail")
        .check(CLI::Range(1.0, 86400.0));
  }
  void add_audio_dir(CLI::App& command) {
    flag(command, "audio-dir", flags_->audio_dir,
         "where relative names of audio files begin; the manifest's folder without it");
  }
  void add_format(CLI::App& command) {
    flag(command, "format", flags_->format, "what comes out").check(one_of({"text", "json"}));
  }

  void add_audio() {
    CLI::App& command =
        add("audio", "a folder of audio, with captions beside it, to a manifest and a cache", prepare_audio);
    command.add_option("folder", flags_->folder, "songs, song.txt captions, metadata.jsonl or metadata.csv")
        ->required();
    flag(command, "manifest", flags_->manifest, "the manifest to write").required();
    add_cache_flags(command, false);
    add_fill_flags(command);
    add_examples(command, "  lpmc prepare audio ~/Music --manifest tracks.jsonl --cache cache/\n");
  }

  void add_import() {
    CLI::App& command = add("import", "annotations of a data set to a manifest", prepare_import);
    flag(command, "input", flags_->input, "annotations: JSON, JSONL or CSV").required();
    flag(command, "dataset", flags_->dataset,
         "auto, musiccaps, mtat, msd (ecals), manifest, lp-musiccaps-mc, lp-musiccaps-mtt, lp-musiccaps-msd");
    flag(command, "split-file", flags_->split_file,
         "JSON of ids by split (train_track, ...), instead of the records' own splits");
    flag(command, "captions", flags_->captions,
         "pseudo captions to add by id: what `lpmc tag-to-caption export` wrote, or an LP-MusicCaps file");
    flag(command, "audio-root", flags_->audio_root, "folder of the audio files or .npy arrays");
    flag(
        command, "audio-pattern", flags_->audio_pattern,
        "a record's file below --audio-root: {id}, {path}, {stem} (path without extension), {track}; without "
        "it, its path, or a file named as its id");
    flag(command, "require-audio", flags_->require_audio, "leave out records whose audio is not there");
    flag(command, "manifest", flags_->manifest, "the manifest to write").required();
    add_examples(
        command,
        "  lpmc prepare import --input annotation.json --dataset msd --split-file ecals_track_split.json \\\n"
        "      --captions captions.jsonl --audio-root msd/npy --audio-pattern '{stem}.npy' --manifest "
        "msd.jsonl\n"
        "  lpmc prepare import --input lp-musiccaps-mc.jsonl --audio-root music_caps --manifest mc.jsonl\n");
  }

  void add_cache() {
    CLI::App& command =
        add("cache", "decode a manifest's audio once; run again, it goes on where it was", prepare_cache);
    add_manifest(command);
    add_cache_flags(command, true);
    add_fill_flags(command);
    add_audio_dir(command);
  }

  void add_verify() {
    CLI::App& command = add(
        "verify", "which audio is missing, short or damaged, and what two splits share; exit code 1 if any",
        prepare_verify);
    add_manifest(command);
    add_cache_flags(command, false);
    add_audio_dir(command);
    flag(command, "min-duration", flags_->min_duration_s, "seconds of sound that a record must have")
        .check(CLI::Range(0.0, 86400.0));
    flag(command, "sources", flags_->sources, "decode the files again and compare with the cache");
    add_format(command);
  }

  void add_stats() {
    CLI::App& command = add("stats", "what a manifest has: records, tags, captions, lengths", prepare_stats);
    add_manifest(command);
    add_cache_flags(command, false);
    add_format(command);
    flag(command, "model", flags_->model, "whose tokenizer counts the captions' tokens");
    flag(command, "tokenizer", flags_->tokenizer, "folder with vocab.json and merges.txt instead");
    flag(command, "max-length", flags_->max_length, "tokens of the longest caption that is learned whole");
    flag(command, "top", flags_->top, "most frequent tags to list").check(CLI::Range(0, 100000));
  }

  void add_split() {
    CLI::App& command =
        add("split", "give train, valid and test splits to a manifest without", prepare_split);
    add_manifest(command);
    add_flag_or_option(command, "-o,--output", flags_->output, "the manifest to write", "output")->required();
    flags_->split.add_to(command, "Split");
    flag(command, "replace", flags_->replace, "also where records have splits");
  }

  CLI::App& app_;
  RunFunction& run_;
  std::shared_ptr<PrepareFlags> flags_ = std::make_shared<PrepareFlags>();
};

}  // namespace

void add_prepare_command(CLI::App& app, RunFunction& run) {
  SubCommands(app, run).add_all();
  app.require_subcommand(1);
  add_examples(app,
               "  lpmc prepare audio ~/Music --manifest tracks.jsonl --cache cache/\n"
               "  lpmc prepare verify tracks.jsonl --cache cache/\n"
               "  lpmc prepare split tracks.jsonl -o split.jsonl --valid 0.1 --test 0.1\n");
}

}  // namespace lpmc::cli
