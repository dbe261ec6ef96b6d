#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/audio/int16_samples.h"
#include "lpmc/audio/waveform_cache.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/threads.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/prepare_flags.h"
#include "lpmc/dataset/manifest.h"
#include "lpmc/dataset/split_leaks.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What is wrong with a record's audio.
struct Problem {
  std::string kind;  ///< "missing", "unreadable", "short", "damaged", "differs"
  std::string message;
};

struct Checked {
  std::optional<Problem> problem;
  std::optional<std::uint64_t> content;  ///< equal for equal samples
};

/// 64 bits of what the samples are; two recordings of half a million share them with a chance of 1 in 10^8.
std::uint64_t content_of(std::span<const std::int16_t> samples) {
  std::uint64_t content = samples.size();
  for (std::size_t i = 0; i < samples.size(); i += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, samples.data() + i, std::min<std::size_t>(4, samples.size() - i) * 2);
    content = (content ^ word) * 0x9E3779B97F4A7C15;
    content ^= content >> 32;
  }
  return content;
}

class Verifier {
 public:
  Verifier(const PrepareFlags& flags, const WaveformCache* cache, std::stop_token stop)
      : flags_(flags), cache_(cache), stop_(std::move(stop)), folder_(audio_folder_of(flags)) {}

  Checked check(const ManifestRecord& record) const {
    Checked checked;
    try {
      if (cache_ != nullptr) {
        check_cached(record, checked);
      } else if (record.audio.empty()) {
        checked.problem = {"missing", "no field \"audio\" in the manifest"};
      } else {
        take_samples(decoded(record), checked);
      }
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      checked.problem = {error.kind() == ErrorKind::not_found ? "missing" : "unreadable", error.what()};
    }
    return checked;
  }

 private:
  std::vector<std::int16_t> decoded(const ManifestRecord& record) const {
    const auto most = static_cast<std::int64_t>(flags_.max_duration_s * flags_.sample_rate);
    return read_int16_samples(audio_path(record, folder_), flags_.sample_rate, most, stop_).samples;
  }

  void check_cached(const ManifestRecord& record, Checked& checked) const {
    const auto index = cache_->find(record.id);
    if (!index) {
      checked.problem = {"missing", "not in the cache"};
      return;
    }
    try {
      cache_->verify(*index);
    } catch (const Error& error) {
      checked.problem = {"damaged", error.what()};
      return;
    }
    take_samples(cache_->samples(*index), checked);
    if (!flags_.sources || record.audio.empty()) return;
    const std::vector<std::int16_t> again = decoded(record);
    if (content_of(again) == checked.content) return;
    checked.problem = {
        "differs", fmt::format("expected the {} samples of {}, found {} others in the cache", again.size(),
                               display_path(audio_path(record, folder_)), cache_->samples(*index).size())};
  }

  void take_samples(std::span<const std::int16_t> samples, Checked& checked) const {
    checked.content = content_of(samples);
    const double duration_s = static_cast<double>(samples.size()) / flags_.sample_rate;
    if (duration_s >= flags_.min_duration_s) return;
    checked.problem = {"short", fmt::format("expected at least {} s of sound, found {:.2f} s",
                                            flags_.min_duration_s, duration_s)};
  }

  const PrepareFlags& flags_;
  const WaveformCache* cache_;
  std::stop_token stop_;
  fs::path folder_;
};

/// What verify found, for stdout.
struct Findings {
  std::vector<ManifestRecord> records;
  std::vector<std::size_t> lines;  ///< of the manifest
  std::vector<Checked> checked;
  std::vector<Leak> leaks;
  std::size_t problems = 0;
  std::size_t without_text = 0;
};

void print_json(const Findings& found) {
  json problems = json::array();
  for (std::size_t i = 0; i < found.records.size(); ++i) {
    if (!found.checked[i].problem) continue;
    problems.push_back({{"id", found.records[i].id},
                        {"line", found.lines[i]},
                        {"problem", found.checked[i].problem->kind},
                        {"message", found.checked[i].problem->message}});
  }
  json leaks = json::array();
  for (const Leak& leak : found.leaks) {
    json records = json::array();
    for (const std::size_t i : leak.records)
      records.push_back(
          {{"id", found.records[i].id}, {"split", found.records[i].split}, {"line", found.lines[i]}});
    leaks.push_back({{"kind", to_string(leak.kind)}, {"records", std::move(records)}});
  }
  const json all = {{"records", found.records.size()},
                    {"without_captions", found.without_text},
                    {"problems", std::move(problems)},
                    {"leaks", std::move(leaks)}};
  fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

void print_text(const Findings& found) {
  for (std::size_t i = 0; i < found.records.size(); ++i) {
    if (!found.checked[i].problem) continue;
    fmt::print("{}\t{}\t{}\n", found.checked[i].problem->kind, display_path(found.records[i].id),
               found.checked[i].problem->message);
  }
  for (const Leak& leak : found.leaks) {
    std::string records;
    for (const std::size_t i : leak.records) {
      records += fmt::format("{}{}: {} (line {})", records.empty() ? "" : "; ", found.records[i].split,
                             display_path(found.records[i].id), found.lines[i]);
    }
    fmt::print("leak\tsame {}\t{}\n", to_string(leak.kind), records);
  }
  fmt::print("{} records: {} with problems, {} leaks between splits, {} without a caption\n",
             found.records.size(), found.problems, found.leaks.size(), found.without_text);
}

/// Ids that stand twice are handed over, to be told as what they are.
void read_records(const std::string& manifest, Findings& found) {
  TextSource text{fs::path(manifest)};
  read_manifest_lines(text, [&](ManifestRecord&& record, std::size_t line) {
    if (record.caption.empty() && record.captions.empty()) ++found.without_text;
    found.records.push_back(std::move(record));
    found.lines.push_back(line);
  });
}

/// An id that two lines have, whatever their splits, makes a manifest that training refuses.
void tell_repeated_ids(Findings& found) {
  std::unordered_map<std::string_view, std::size_t> first;
  for (std::size_t i = 0; i < found.records.size(); ++i) {
    const auto [place, is_new] = first.emplace(found.records[i].id, i);
    if (is_new) continue;
    found.checked[i].problem = {"repeated",
                                fmt::format("the id stands on line {}, too", found.lines[place->second])};
  }
}

}  // namespace

int prepare_verify(PrepareFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  LPMC_REQUIRE(!flags.sources || !flags.cache.empty(), invalid_argument,
               "--sources: expected --cache to compare with");
  Findings found;
  read_records(flags.manifest, found);
  LPMC_REQUIRE(!found.records.empty(), corrupt, "{}: expected records, found none",
               display_path(flags.manifest));
  std::optional<WaveformCache> cache;
  if (!flags.cache.empty()) cache.emplace(flags.cache, flags.sample_rate);
  const Verifier verifier(flags, cache ? &*cache : nullptr, stop);
  found.checked.resize(found.records.size());
  parallel_for(static_cast<std::int64_t>(found.records.size()), [&](std::int64_t i) {
    LPMC_REQUIRE(!stop.stop_requested(), cancelled, "interrupted");
    const auto record = static_cast<std::size_t>(i);
    found.checked[record] = verifier.check(found.records[record]);
  });
  std::vector<std::optional<std::uint64_t>> contents;
  for (const Checked& checked : found.checked)
    contents.push_back(checked.content);
  found.leaks = find_leaks(found.records, contents);
  tell_repeated_ids(found);
  for (const Checked& checked : found.checked)
    found.problems += checked.problem ? 1 : 0;
  flags.format == "json" ? print_json(found) : print_text(found);
  return found.problems == 0 && found.leaks.empty() ? kAllDone : kSomeFailed;
}

}  // namespace lpmc::cli
