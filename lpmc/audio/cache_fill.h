#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "lpmc/audio/waveform_cache.h"
#include "lpmc/base/error.h"

namespace lpmc {

/// A file that goes into a cache.
struct CacheJob {
  std::string id;
  std::filesystem::path file;
};

struct CacheFillCounts {
  std::size_t done = 0;
  std::size_t there = 0;  ///< in the cache before
  std::size_t failed = 0;
  std::int64_t samples = 0;  ///< of those that were done
};

struct CacheFill {
  int sample_rate = 16000;
  /// Longer files fail: a thread holds one file's samples.
  std::int64_t max_samples = std::int64_t{16000} * 3600 * 4;
  /// Commits after so much; at most this must be decoded again after a kill.
  std::int64_t commit_bytes = std::int64_t{128} << 20;
  double commit_s = 10;                                           ///< and after so many seconds
  std::function<void(const CacheJob&, const Error&)> on_failure;  ///< one call at a time, as below
  std::function<void(const CacheJob&, const std::string&)> on_warning;
  std::function<void(const CacheFillCounts&)> on_progress;
  std::stop_token stop;
};

/// Decodes files on all threads into a cache; what is there by its id is left alone. Everything that was
/// decoded is committed at the end, also when asked to stop.
/// @throws Error(cancelled) when asked to stop, Error(io) when the cache cannot be written; what was decoded
/// before is kept as far as the disk allows
CacheFillCounts fill_cache(WaveformCacheWriter& cache, std::span<const CacheJob> jobs, const CacheFill& fill);

}  // namespace lpmc
