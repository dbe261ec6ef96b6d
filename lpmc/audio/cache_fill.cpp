#include "lpmc/audio/cache_fill.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>

#include "lpmc/audio/int16_samples.h"
#include "lpmc/base/threads.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

using Clock = std::chrono::steady_clock;

class Filler {
 public:
  Filler(WaveformCacheWriter& cache, const CacheFill& fill) : cache_(cache), fill_(fill) {}

  CacheFillCounts run(std::span<const CacheJob> jobs) {
    try {
      parallel_for(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t i) {
        if (ended_ || fill_.stop.stop_requested()) return;
        take(jobs[static_cast<std::size_t>(i)]);
      });
    } catch (const Error& error) {
      keep_what_fits();
      throw;
    }
    cache_.commit();
    LPMC_REQUIRE(!fill_.stop.stop_requested(), cancelled, "stopped; {} files are in the cache",
                 counts_.done + counts_.there);
    return counts_;
  }

 private:
  void take(const CacheJob& job) {
    {
      const std::lock_guard lock(mutex_);
      if (cache_.contains(job.id)) {
        ++counts_.there;
        tell();
        return;
      }
    }
    Int16Samples decoded;
    try {
      decoded = read_int16_samples(job.file, fill_.sample_rate, fill_.max_samples, fill_.stop);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled) fail_file(job, error);
      return;
    }
    const std::lock_guard lock(mutex_);
    add(job, decoded);
  }

  void fail_file(const CacheJob& job, const Error& error) {
    const std::lock_guard lock(mutex_);
    ++counts_.failed;
    if (fill_.on_failure) fill_.on_failure(job, error);
    tell();
  }

  void add(const CacheJob& job, const Int16Samples& decoded) {
    if (ended_) return;
    try {
      cache_.add(job.id, display_path(job.file), decoded.samples);
      ++counts_.done;
      counts_.samples += static_cast<std::int64_t>(decoded.samples.size());
      commit_if_due();
    } catch (...) {
      ended_ = true;  // the cache's failure, not the file's
      throw;
    }
    for (const std::string& warning : decoded.warnings) {
      if (fill_.on_warning) fill_.on_warning(job, warning);
    }
    tell();
  }

  void commit_if_due() {
    const auto now = Clock::now();
    const bool is_late = now - committed_ >= std::chrono::duration<double>(fill_.commit_s);
    if (!is_late && cache_.pending_bytes() < fill_.commit_bytes) return;
    cache_.commit();
    committed_ = Clock::now();
  }

  /// After a failure to write, a full disk say.
  void keep_what_fits() {
    try {
      cache_.commit();
    } catch (const Error&) {
      // The failure that led here is the one to report; what was committed earlier is safe.
    }
  }

  void tell() const {
    if (fill_.on_progress) fill_.on_progress(counts_);
  }

  WaveformCacheWriter& cache_;
  const CacheFill& fill_;
  std::mutex mutex_;  // guards the cache, the counts and the callbacks
  CacheFillCounts counts_;
  Clock::time_point committed_ = Clock::now();
  std::atomic<bool> ended_{false};
};

}  // namespace

CacheFillCounts fill_cache(WaveformCacheWriter& cache, std::span<const CacheJob> jobs,
                           const CacheFill& fill) {
  return Filler(cache, fill).run(jobs);
}

}  // namespace lpmc
