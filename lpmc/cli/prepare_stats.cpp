#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/audio/waveform_cache.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/prepare_flags.h"
#include "lpmc/dataset/audio_finder.h"
#include "lpmc/dataset/manifest.h"
#include "lpmc/dataset/manifest_stats.h"
#include "lpmc/model/model_dir.h"
#include "lpmc/text/bpe_tokenizer.h"

namespace lpmc::cli {
namespace {

using nlohmann::json;

/// Sound of the records of a split that are in the cache.
struct SoundSummary {
  std::uint64_t records = 0;
  double total_s = 0, least_s = 0, most_s = 0;

  void add(double duration_s) {
    least_s = records == 0 ? duration_s : std::min(least_s, duration_s);
    most_s = std::max(most_s, duration_s);
    total_s += duration_s;
    ++records;
  }
};
using Sounds = std::map<std::string, SoundSummary>;

/// Counts tokens with a model's vocabulary, or not at all where the model has none.
ManifestStats::CountTokens token_counter(const PrepareFlags& flags) {
  const ModelFiles files = find_model(flags.model, flags.tokenizer);
  if (!files.vocab || !files.merges) return nullptr;
  const auto tokenizer =
      std::make_shared<const BpeTokenizer>(BpeTokenizer::from_files(*files.vocab, *files.merges));
  return [tokenizer](std::string_view text) { return std::uint64_t{tokenizer->encode(text).size()}; };
}

json numbers(const NumberSummary& summary) {
  return {{"mean", summary.mean()}, {"min", summary.least}, {"max", summary.most}};
}

json split_json(const SplitSummary& split, const SoundSummary* sound) {
  json columns = json::object();
  for (const auto& [name, column] : split.columns) {
    columns[name] = {{"captions", column.words.count}, {"words", numbers(column.words)}};
    if (column.tokens.count == 0) continue;
    columns[name]["tokens"] = numbers(column.tokens);
    columns[name]["too_long"] = column.too_long;
  }
  json result = {{"records", split.records},
                 {"with_audio", split.with_audio},
                 {"with_tags", split.with_tags},
                 {"without_captions", split.without_text},
                 {"tags_per_record", numbers(split.tags)},
                 {"captions", std::move(columns)}};
  if (sound != nullptr) {
    result["cached"] = {{"records", sound->records},
                        {"hours", sound->total_s / 3600},
                        {"shortest_s", sound->least_s},
                        {"longest_s", sound->most_s}};
  }
  return result;
}

void print_json(const ManifestStats& stats, const Sounds* sounds, std::size_t top) {
  json splits = json::object();
  for (const auto& [name, split] : stats.splits())
    splits[name] = split_json(split, sounds == nullptr ? nullptr : &sounds->at(name));
  json tags = json::array();
  for (const auto& [tag, count] : stats.top_tags(top))
    tags.push_back({{"tag", tag}, {"records", count}});
  const json all = {
      {"splits", std::move(splits)}, {"distinct_tags", stats.distinct_tags()}, {"top_tags", std::move(tags)}};
  fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

void print_split(const std::string& name, const SplitSummary& split, const SoundSummary* sound) {
  fmt::print("{}: {} records, {} with audio, {} with tags ({:.1f} a record), {} without a caption\n",
             name.empty() ? "(no split)" : display_path(name), split.records, split.with_audio,
             split.with_tags, split.tags.mean(), split.without_text);
  if (sound != nullptr) {
    fmt::print("  cached    {} records, {:.2f} h, {:.1f} s to {:.1f} s\n", sound->records,
               sound->total_s / 3600, sound->least_s, sound->most_s);
  }
  for (const auto& [column, summary] : split.columns) {
    fmt::print("  {:<20} {} captions of {} to {} words, {:.1f} on average", display_path(column),
               summary.words.count, summary.words.least, summary.words.most, summary.words.mean());
    if (summary.tokens.count > 0) {
      fmt::print("; {} to {} tokens, {} too long", summary.tokens.least, summary.tokens.most,
                 summary.too_long);
    }
    fmt::print("\n");
  }
}

void print_text(const ManifestStats& stats, const Sounds* sounds, std::size_t top) {
  for (const auto& [name, split] : stats.splits())
    print_split(name, split, sounds == nullptr ? nullptr : &sounds->at(name));
  fmt::print("{} different tags\n", stats.distinct_tags());
  for (const auto& [tag, count] : stats.top_tags(top))
    fmt::print("  {:>8}  {}\n", count, display_path(tag));
}

}  // namespace

int prepare_stats(PrepareFlags& flags) {
  apply_common_options(flags.common);
  LPMC_REQUIRE(flags.max_length > 0, invalid_argument, "--max-length: expected at least 1, found {}",
               flags.max_length);
  ManifestStats stats(token_counter(flags), static_cast<std::uint64_t>(flags.max_length));
  std::optional<WaveformCache> cache;
  if (!flags.cache.empty()) cache.emplace(flags.cache, flags.sample_rate);
  Sounds sounds;
  read_manifest(flags.manifest, [&](ManifestRecord&& record) {
    stats.add(record);
    SoundSummary& sound = sounds[record.split];
    const auto index = cache ? cache->find(record.id) : std::nullopt;
    if (index) sound.add(static_cast<double>(cache->entry(*index).samples) / flags.sample_rate);
  });
  const auto top = static_cast<std::size_t>(flags.top);
  const Sounds* const known = cache ? &sounds : nullptr;
  flags.format == "json" ? print_json(stats, known, top) : print_text(stats, known, top);
  return kAllDone;
}

int prepare_split(PrepareFlags& flags) {
  apply_common_options(flags.common);
  std::vector<ManifestRecord> records = read_manifest(flags.manifest);
  const auto has_split = [](const ManifestRecord& record) { return !record.split.empty(); };
  const auto with_split = std::count_if(records.begin(), records.end(), has_split);
  LPMC_REQUIRE(with_split == 0 || flags.replace, invalid_argument,
               "{}: expected records without splits, found {} with; --replace gives them new ones",
               display_path(flags.manifest), with_split);
  assign_splits(records, flags.split.values());
  // Paths are relative to the manifest's folder, and the new one may lie in another.
  const std::filesystem::path from = std::filesystem::path(flags.manifest).parent_path();
  const std::filesystem::path to = std::filesystem::path(flags.output).parent_path();
  for (ManifestRecord& record : records) {
    if (!record.audio.empty()) record.audio = manifest_audio(audio_path(record, from), to);
  }
  write_manifest(flags.output, records);
  std::map<std::string, std::size_t> counts;
  for (const ManifestRecord& record : records)
    ++counts[record.split];
  for (const auto& [split, count] : counts)
    fmt::print("{}: {} records\n", split, count);
  return kAllDone;
}

}  // namespace lpmc::cli
