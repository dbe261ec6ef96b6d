#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace lpmc {

/// Decoded audio on disk for training: 16 kHz mono int16, in shards that are mapped, with an index of
/// {id, shard, offset, samples, checksum, source}. Read-only, safe from several threads. It shows what was
/// committed when it was opened; a writer may go on meanwhile.
class WaveformCache {
 public:
  struct Entry {
    std::string_view id;  ///< valid while the cache lives, as `source`
    std::int64_t samples = 0;
    std::uint32_t checksum = 0;  ///< CRC-32 of the samples' bytes
    std::string_view source;     ///< file it was decoded from
  };

  /// Reads and checks the index, not the samples: half a million entries take a fraction of a second and
  /// some 8 MB beside the mapped index.
  /// @throws Error(not_found) where there is no cache, Error(corrupt) for a damaged index or a shard that is
  /// shorter than the index says, Error(invalid_argument) "<cache>: expected 16000 Hz, found ..." when its
  /// rate is another
  WaveformCache(const std::filesystem::path& folder, int sample_rate);
  ~WaveformCache();
  WaveformCache(WaveformCache&&) noexcept;
  WaveformCache& operator=(WaveformCache&&) noexcept;

  int sample_rate() const;
  std::size_t size() const;
  /// @throws Error(invalid_argument) for an index outside [0, size()), as the others that take one
  Entry entry(std::size_t index) const;
  std::optional<std::size_t> find(std::string_view id) const;
  /// Mapped samples; valid while the cache lives.
  std::span<const std::int16_t> samples(std::size_t index) const;
  /// Reads the samples and compares their checksum.
  /// @throws Error(corrupt) naming the id
  void verify(std::size_t index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Appends to a cache; may be opened on an existing one: what is there is kept (resume). A commit syncs
/// shards and index, then renames the new head into place, so that a writer killed at any instant, or
/// stopped by a full disk, loses at most what was not committed yet. One writer at a time.
class WaveformCacheWriter {
 public:
  struct Options {
    int sample_rate = 16000;                           ///< Hz
    std::int64_t shard_bytes = std::int64_t{1} << 30;  ///< a shard is closed before it grows beyond
  };
  /// Creates the folder and an empty cache where there is none; cuts off what was not committed.
  /// @throws Error(invalid_argument) when the cache is of another rate (both are named) or options make no
  /// sense, Error(io) when another process writes to it, Error(corrupt) as WaveformCache
  WaveformCacheWriter(const std::filesystem::path& folder, const Options& options);
  /// What was not committed is lost.
  ~WaveformCacheWriter();
  WaveformCacheWriter(WaveformCacheWriter&&) noexcept;
  WaveformCacheWriter& operator=(WaveformCacheWriter&&) noexcept;

  /// True for what was added, committed or not.
  bool contains(std::string_view id) const;
  /// @param samples mono int16 at the cache's rate
  /// @throws Error(invalid_argument) for an id that is there, an empty or very long one, or no samples;
  /// Error(io), on a full disk say: what was added before is kept and can be committed
  void add(std::string_view id, std::string_view source, std::span<const std::int16_t> samples);
  /// Makes what was added durable.
  /// @throws Error(io): what was committed before stays, and commit() may be tried again
  void commit();
  /// Bytes of samples added and not committed.
  std::int64_t pending_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
