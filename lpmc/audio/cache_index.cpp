#include "lpmc/audio/cache_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>

#include <nlohmann/json.hpp>
#include <zlib.h>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc::detail {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "lpmc waveform cache";
constexpr int kVersion = 1;
constexpr std::size_t kMaxHeadBytes = 4096;
/// No sound is longer: 2^40 samples are two years.
constexpr std::uint64_t kMaxSamples = std::uint64_t{1} << 40;
constexpr std::uint32_t kMaxShards = 1U << 20;

static_assert(std::endian::native == std::endian::little, "index.bin and the shards are little-endian");

/// What stands before an entry's id and source.
struct EntryHead {
  std::uint32_t crc = 0;  // of all that follows
  std::uint32_t id_bytes = 0;
  std::uint32_t source_bytes = 0;
  std::uint32_t shard = 0;
  std::uint64_t offset = 0;
  std::uint64_t samples = 0;
  std::uint32_t checksum = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(EntryHead) == 40);

EntryHead head_at(std::span<const std::byte> bytes, std::uint64_t begin) {
  EntryHead head;
  std::memcpy(&head, bytes.data() + begin, sizeof head);
  return head;
}

std::string_view text_at(std::span<const std::byte> bytes, std::uint64_t begin, std::size_t size) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data() + begin)), size};
}

/// @return the end of the entry at `begin`
std::uint64_t checked_end(std::span<const std::byte> bytes, std::uint64_t begin, std::size_t number,
                          const std::string& name) {
  const std::uint64_t left = bytes.size() - begin;
  LPMC_REQUIRE(left >= sizeof(EntryHead), corrupt, "{}: entry {}: expected {} bytes, found {}", name, number,
               sizeof(EntryHead), left);
  const EntryHead head = head_at(bytes, begin);
  const std::uint64_t size = sizeof(EntryHead) + std::uint64_t{head.id_bytes} + head.source_bytes;
  const bool fits = head.id_bytes <= kMaxCacheName && head.source_bytes <= kMaxCacheName && size <= left;
  const bool sound =
      fits && crc32_of(bytes.subspan(begin + sizeof head.crc, size - sizeof head.crc)) == head.crc;
  LPMC_REQUIRE(sound, corrupt, "{}: entry {}: its checksum does not fit: the index is damaged", name, number);
  LPMC_REQUIRE(head.id_bytes > 0 && head.samples <= kMaxSamples && head.offset <= kMaxSamples &&
                   head.shard < kMaxShards,
               corrupt, "{}: entry {}: expected an id and a place within reason, found shard {}, sample {}",
               name, number, head.shard, head.offset);
  return begin + size;
}

}  // namespace

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, static_cast<const Bytef*>(static_cast<const void*>(bytes.data())), bytes.size()));
}

std::filesystem::path cache_index_path(const std::filesystem::path& folder) {
  return folder / "index.bin";
}

std::filesystem::path cache_shard_path(const std::filesystem::path& folder, std::uint32_t shard) {
  return folder / fmt::format("shard-{:05}.s16", shard);
}

std::optional<CacheHead> read_cache_head(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "cache.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const MappedFile file(path);
  const std::string name = display_path(path);
  LPMC_REQUIRE(file.bytes().size() <= kMaxHeadBytes, corrupt, "{}: expected at most {} bytes, found {}", name,
               kMaxHeadBytes, file.bytes().size());
  const json head = json::parse(text_at(file.bytes(), 0, file.bytes().size()), nullptr, false);
  LPMC_REQUIRE(head.is_object() && head.value("format", json()) == kFormat, corrupt,
               "{}: expected \"format\": \"{}\", found something else", name, kFormat);
  LPMC_REQUIRE(head.value("version", json()) == kVersion, unsupported, "{}: expected version {}, found {}",
               name, kVersion, head.value("version", json()).dump());
  const auto number = [&](const char* key) {
    const json value = head.value(key, json());
    LPMC_REQUIRE(value.is_number_unsigned(), corrupt, "{}: {}: expected a whole number, found {}", name, key,
                 value.type_name());
    return value.get<std::uint64_t>();
  };
  const std::uint64_t rate = number("sample_rate");
  LPMC_REQUIRE(rate > 0 && rate <= std::numeric_limits<int>::max(), corrupt,
               "{}: sample_rate: expected a rate in Hz, found {}", name, rate);
  return CacheHead{static_cast<int>(rate), number("index_bytes"), number("entries")};
}

void write_cache_head(const std::filesystem::path& folder, const CacheHead& head) {
  const json text = {{"format", kFormat},
                     {"version", kVersion},
                     {"sample_rate", head.sample_rate},
                     {"index_bytes", head.index_bytes},
                     {"entries", head.entries}};
  write_file_atomically(folder / "cache.json", text.dump(2) + "\n");
}

void append_cache_entry(std::string& index, const CacheEntry& entry) {
  EntryHead head;
  head.id_bytes = static_cast<std::uint32_t>(entry.id.size());
  head.source_bytes = static_cast<std::uint32_t>(entry.source.size());
  head.shard = entry.shard;
  head.offset = entry.offset;
  head.samples = entry.samples;
  head.checksum = entry.checksum;
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  bytes.append(entry.id).append(entry.source);
  head.crc = crc32_of(std::as_bytes(std::span(bytes)).subspan(sizeof head.crc));
  std::memcpy(bytes.data(), &head.crc, sizeof head.crc);
  index += bytes;
}

CacheIndex::CacheIndex(std::span<const std::byte> bytes, std::uint64_t entries, const std::string& name)
    : bytes_(bytes) {
  // Entries take at least their heads' bytes, so a wrong count in cache.json cannot ask for much memory.
  LPMC_REQUIRE(entries <= bytes.size() / sizeof(EntryHead), corrupt,
               "{}: expected {} entries, found {} bytes", name, entries, bytes.size());
  LPMC_REQUIRE(entries < std::numeric_limits<std::uint32_t>::max() / 4, unsupported,
               "{}: expected fewer entries, found {}", name, entries);
  begin_.reserve(entries);
  slots_.assign(std::bit_ceil(2 * entries + 1), 0);
  for (std::uint64_t begin = 0; begin < bytes.size();) {
    const std::uint64_t end = checked_end(bytes, begin, begin_.size(), name);
    LPMC_REQUIRE(begin_.size() < entries, corrupt, "{}: expected {} entries, found more", name, entries);
    begin_.push_back(begin);
    const std::string_view id = entry(begin_.size() - 1).id;
    std::size_t slot = std::hash<std::string_view>{}(id) & (slots_.size() - 1);
    while (slots_[slot] != 0) {
      LPMC_REQUIRE(entry(slots_[slot] - 1).id != id, corrupt, "{}: expected each id once, found '{}' twice",
                   name, display_path(id));
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = static_cast<std::uint32_t>(begin_.size());
    begin = end;
  }
  LPMC_REQUIRE(begin_.size() == entries, corrupt, "{}: expected {} entries, found {}", name, entries,
               begin_.size());
}

CacheEntry CacheIndex::entry(std::size_t i) const {
  const std::uint64_t begin = begin_[i];
  const EntryHead head = head_at(bytes_, begin);
  CacheEntry entry;
  entry.id = text_at(bytes_, begin + sizeof head, head.id_bytes);
  entry.source = text_at(bytes_, begin + sizeof head + head.id_bytes, head.source_bytes);
  entry.shard = head.shard;
  entry.offset = head.offset;
  entry.samples = head.samples;
  entry.checksum = head.checksum;
  return entry;
}

std::optional<std::size_t> CacheIndex::find(std::string_view id) const {
  if (slots_.empty()) return std::nullopt;
  std::size_t slot = std::hash<std::string_view>{}(id) & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (entry(slots_[slot] - 1).id == id) return slots_[slot] - 1;
  }
  return std::nullopt;
}

}  // namespace lpmc::detail
