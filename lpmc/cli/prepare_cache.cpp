#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/audio/cache_fill.h"
#include "lpmc/audio/int16_samples.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/captioning/input_files.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/prepare_flags.h"
#include "lpmc/cli/terminal.h"
#include "lpmc/dataset/manifest.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;

ProgressLine progress_line(const CacheFillCounts& counts, std::size_t total, int sample_rate) {
  const std::size_t files = counts.done + counts.there + counts.failed;
  const double hours = static_cast<double>(counts.samples) / sample_rate / 3600;
  return {
      fmt::format("{}/{} files, {:.2f} h decoded, {} failed", files, total, hours, counts.failed),
      nlohmann::json{
          {"files_done", files}, {"files_total", total}, {"failed", counts.failed}, {"audio_hours", hours}}
          .dump()};
}

/// Records with a file, as what the cache is to hold.
std::vector<CacheJob> jobs_of(const std::vector<ManifestRecord>& records, const fs::path& folder) {
  std::vector<CacheJob> jobs;
  for (const ManifestRecord& record : records) {
    if (!record.audio.empty()) jobs.push_back({record.id, audio_path(record, folder)});
  }
  return jobs;
}

/// Records whose sound the manifest leaves to the cache, which does not have it.
std::size_t report_without_audio(const std::vector<ManifestRecord>& records,
                                 const WaveformCacheWriter& cache) {
  std::size_t missing = 0;
  for (const ManifestRecord& record : records) {
    if (!record.audio.empty() || cache.contains(record.id)) continue;
    ++missing;
    log(LogLevel::error,
        "'{}': expected a field \"audio\" in the manifest, or its sound in the cache; found "
        "neither",
        display_path(record.id));
  }
  return missing;
}

}  // namespace

bool is_training_audio(const fs::path& file) {
  return has_media_extension(file) || is_npy(file);
}

fs::path audio_folder_of(const PrepareFlags& flags) {
  return flags.audio_dir.empty() ? fs::path(flags.manifest).parent_path() : fs::path(flags.audio_dir);
}

int prepare_cache(PrepareFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  return cache_manifest(flags, stop);
}

int cache_manifest(const PrepareFlags& flags, const std::stop_token& stop) {
  const std::vector<ManifestRecord> records = read_manifest(flags.manifest);
  const std::vector<CacheJob> jobs = jobs_of(records, audio_folder_of(flags));
  WaveformCacheWriter cache(
      flags.cache, {.sample_rate = flags.sample_rate,
                    .shard_bytes = static_cast<std::int64_t>(flags.shard_gb * (std::int64_t{1} << 30))});
  const std::size_t without_audio = report_without_audio(records, cache);
  Progress progress(flags.common.progress, flags.common.quiet);
  CacheFill fill;
  fill.sample_rate = flags.sample_rate;
  fill.max_samples = static_cast<std::int64_t>(flags.max_duration_s * flags.sample_rate);
  fill.stop = stop;
  fill.on_failure = [](const CacheJob& job, const Error& error) {
    log(LogLevel::error, "'{}': {}", display_path(job.id), error.what());
  };
  fill.on_warning = [](const CacheJob& job, const std::string& warning) {
    log(LogLevel::warning, "{}: {}", display_path(job.file), warning);
  };
  fill.on_progress = [&](const CacheFillCounts& counts) {
    progress.update([&] { return progress_line(counts, jobs.size(), flags.sample_rate); });
  };
  const CacheFillCounts counts = fill_cache(cache, jobs, fill);
  progress.finish(progress_line(counts, jobs.size(), flags.sample_rate));
  const std::size_t failed = counts.failed + without_audio;
  fmt::print("{}: {} of {} records cached: {} decoded ({:.2f} h), {} there before, {} failed\n",
             display_path(flags.cache), counts.done + counts.there, records.size(), counts.done,
             static_cast<double>(counts.samples) / flags.sample_rate / 3600, counts.there, failed);
  return failed == 0 ? kAllDone : kSomeFailed;
}

}  // namespace lpmc::cli
