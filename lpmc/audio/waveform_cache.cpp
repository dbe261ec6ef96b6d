#include "lpmc/audio/waveform_cache.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lpmc/audio/cache_index.h"
#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {

struct WaveformCache::Impl {
  std::filesystem::path folder;
  int sample_rate = 0;
  MappedFile index_file;
  detail::CacheIndex index;
  std::vector<MappedFile> shards;

  void open_index(const detail::CacheHead& head) {
    const std::filesystem::path path = detail::cache_index_path(folder);
    index_file = MappedFile(path);
    LPMC_REQUIRE(head.index_bytes <= index_file.bytes().size(), corrupt, "{}: expected {} bytes, found {}",
                 display_path(path), head.index_bytes, index_file.bytes().size());
    index = detail::CacheIndex(index_file.bytes().first(head.index_bytes), head.entries, display_path(path));
  }

  void open_shards() {
    std::vector<std::uint64_t> needed;  // bytes of each shard
    for (std::size_t i = 0; i < index.size(); ++i) {
      const detail::CacheEntry entry = index.entry(i);
      if (entry.shard >= needed.size()) needed.resize(std::size_t{entry.shard} + 1);
      needed[entry.shard] = std::max(needed[entry.shard], (entry.offset + entry.samples) * 2);
    }
    for (std::uint32_t shard = 0; shard < needed.size(); ++shard) {
      const std::filesystem::path path = detail::cache_shard_path(folder, shard);
      shards.emplace_back(path);
      LPMC_REQUIRE(shards.back().bytes().size() >= needed[shard], corrupt,
                   "{}: expected at least {} bytes, found {}", display_path(path), needed[shard],
                   shards.back().bytes().size());
    }
  }

  detail::CacheEntry entry(std::size_t i) const {
    LPMC_REQUIRE(i < index.size(), invalid_argument, "{}: expected an entry below {}, found {}",
                 display_path(folder), index.size(), i);
    return index.entry(i);
  }

  std::span<const std::byte> bytes(const detail::CacheEntry& entry) const {
    return shards[entry.shard].bytes().subspan(entry.offset * 2, entry.samples * 2);
  }
};

WaveformCache::WaveformCache(const std::filesystem::path& folder, int sample_rate)
    : impl_(std::make_unique<Impl>()) {
  const auto head = detail::read_cache_head(folder);
  LPMC_REQUIRE(head, not_found,
               "{}: expected a waveform cache (cache.json), found none; `lpmc prepare cache` "
               "makes it",
               display_path(folder));
  LPMC_REQUIRE(head->sample_rate == sample_rate, invalid_argument, "{}: expected {} Hz, found {} Hz",
               display_path(folder), sample_rate, head->sample_rate);
  impl_->folder = folder;
  impl_->sample_rate = sample_rate;
  impl_->open_index(*head);
  impl_->open_shards();
}

WaveformCache::~WaveformCache() = default;
WaveformCache::WaveformCache(WaveformCache&&) noexcept = default;
WaveformCache& WaveformCache::operator=(WaveformCache&&) noexcept = default;

int WaveformCache::sample_rate() const {
  return impl_->sample_rate;
}

std::size_t WaveformCache::size() const {
  return impl_->index.size();
}

WaveformCache::Entry WaveformCache::entry(std::size_t index) const {
  const detail::CacheEntry entry = impl_->entry(index);
  return {entry.id, static_cast<std::int64_t>(entry.samples), entry.checksum, entry.source};
}

std::optional<std::size_t> WaveformCache::find(std::string_view id) const {
  return impl_->index.find(id);
}

std::span<const std::int16_t> WaveformCache::samples(std::size_t index) const {
  const detail::CacheEntry entry = impl_->entry(index);
  // Offsets are whole samples from the start of a mapping, so they are aligned.
  return {static_cast<const std::int16_t*>(static_cast<const void*>(impl_->bytes(entry).data())),
          entry.samples};
}

void WaveformCache::verify(std::size_t index) const {
  const detail::CacheEntry entry = impl_->entry(index);
  const std::uint32_t found = detail::crc32_of(impl_->bytes(entry));
  LPMC_REQUIRE(found == entry.checksum, corrupt,
               "{}: '{}': expected samples with checksum {:08x}, found {:08x}: {} is damaged",
               display_path(impl_->folder), display_path(entry.id), entry.checksum, found,
               detail::cache_shard_path("", entry.shard).string());
}

}  // namespace lpmc
