#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Private to lpmc/audio. What a waveform cache has on disk:
//
//   cache.json        {"format", "version", "sample_rate", "index_bytes", "entries"}: replaced as a whole at
//                     each commit. What it does not count is not in the cache.
//   index.bin         entries one after the other, only ever appended to
//   shard-00000.s16   samples, int16 little-endian, one waveform after the other; then shard-00001.s16, ...
//   lock              held by the one writer
//
// A commit syncs the shards, then the index, then replaces cache.json: whenever it is cut off, the cache is
// the one before or the one after.

namespace lpmc::detail {

struct CacheHead {
  int sample_rate = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t entries = 0;
};

/// @return nothing where there is no cache.json
/// @throws Error(corrupt), Error(unsupported) for a later version
std::optional<CacheHead> read_cache_head(const std::filesystem::path& folder);
void write_cache_head(const std::filesystem::path& folder, const CacheHead& head);

std::filesystem::path cache_index_path(const std::filesystem::path& folder);
std::filesystem::path cache_shard_path(const std::filesystem::path& folder, std::uint32_t shard);

struct CacheEntry {
  std::string_view id, source;
  std::uint32_t shard = 0;
  std::uint64_t offset = 0;  ///< samples before it in its shard
  std::uint64_t samples = 0;
  std::uint32_t checksum = 0;  ///< CRC-32 of the samples' bytes
};

/// Longest id and source, in bytes.
constexpr std::size_t kMaxCacheName = 65535;

/// Appends an entry as it stands in index.bin.
void append_cache_entry(std::string& index, const CacheEntry& entry);

/// The entries of index.bin, looked up by number and by id: some 16 bytes of memory an entry beside the
/// file's own bytes, which must stay.
class CacheIndex {
 public:
  CacheIndex() = default;
  /// @param name stands in messages
  /// @throws Error(corrupt) naming the entry that is damaged, cut off or there twice, or when there are
  /// others than `entries`
  CacheIndex(std::span<const std::byte> bytes, std::uint64_t entries, const std::string& name);

  std::size_t size() const { return begin_.size(); }
  /// @pre i < size()
  CacheEntry entry(std::size_t i) const;
  std::optional<std::size_t> find(std::string_view id) const;

 private:
  std::span<const std::byte> bytes_;
  std::vector<std::uint64_t> begin_;  // of each entry in bytes_
  std::vector<std::uint32_t> slots_;  // hash table: number of an entry + 1, or 0
};

/// CRC-32 (zlib's) of bytes.
std::uint32_t crc32_of(std::span<const std::byte> bytes);

}  // namespace lpmc::detail
