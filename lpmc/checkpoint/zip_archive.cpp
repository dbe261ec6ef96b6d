#include "lpmc/checkpoint/zip_archive.h"

#include <algorithm>
#include <numeric>

#include <zlib.h>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/zip_records.h"

namespace lpmc {
namespace {

/// The 64-bit value must be what the 32- or 16-bit field says, unless that is saturated.
template <class Small>
bool agrees(Small small, Small saturated, std::uint64_t large) {
  return small == saturated || small == large;
}

std::string_view method_name(std::uint16_t method) {
  switch (method) {
    case zip::kDeflated:
      return " (deflated)";
    case 12:
      return " (bzip2)";
    case 14:
      return " (LZMA)";
    case 93:
      return " (zstd)";
    default:
      return "";
  }
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string_view where)
    : bytes_(bytes), where_(where) {
  read_directory(read_end_records());
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

/// The end record is the last thing in the file but for a comment of up to 65535 bytes, in which
/// somebody may have hidden a second one: then two readers could see two different archives.
std::uint64_t ZipArchive::find_end_record() const {
  LPMC_REQUIRE(bytes_.size() >= zip::kEndSize, corrupt,
               "{}: cut off: no end of central directory in the zip archive; {} bytes", where_,
               bytes_.size());
  const std::uint64_t last = bytes_.size() - zip::kEndSize;
  const std::uint64_t first = last > 0xFFFF ? last - 0xFFFF : 0;
  std::uint64_t found = bytes_.size();
  for (std::uint64_t at = first; at <= last; ++at) {
    if (load_little<std::uint32_t>(bytes_, at) != zip::kEndSignature) continue;
    if (at + zip::kEndSize + load_little<std::uint16_t>(bytes_, at + 20) != bytes_.size()) continue;
    LPMC_REQUIRE(found == bytes_.size(), corrupt,
                 "{}: the zip archive has two ends of central directory, at {} and {}", where_, found, at);
    found = at;
  }
  LPMC_REQUIRE(found != bytes_.size(), corrupt,
               "{}: cut off: no end of central directory in the zip archive; {} bytes", where_,
               bytes_.size());
  return found;
}

ZipArchive::Directory ZipArchive::read_end_records() const {
  const std::uint64_t end = find_end_record();
  const auto disk = load_little<std::uint16_t>(bytes_, end + 4);
  const auto directory_disk = load_little<std::uint16_t>(bytes_, end + 6);
  const auto disk_count = load_little<std::uint16_t>(bytes_, end + 8);
  const auto count = load_little<std::uint16_t>(bytes_, end + 10);
  const auto size = load_little<std::uint32_t>(bytes_, end + 12);
  const auto begin = load_little<std::uint32_t>(bytes_, end + 16);
  const auto one_part = [](std::uint16_t number) { return number == 0 || number == zip::kIn64Of16; };
  LPMC_REQUIRE(one_part(disk) && one_part(directory_disk) && disk_count == count, unsupported,
               "{}: a zip archive in several parts", where_);

  Directory directory{begin, size, count};
  std::uint64_t directory_end = end;
  const bool zip64 =
      end >= zip::kZip64LocatorSize + zip::kZip64EndSize &&
      load_little<std::uint32_t>(bytes_, end - zip::kZip64LocatorSize) == zip::kZip64LocatorSignature;
  if (zip64) {
    directory_end = load_little<std::uint64_t>(bytes_, end - zip::kZip64LocatorSize + 8);
    read_zip64_record(end, directory);
    LPMC_REQUIRE(
        agrees(count, zip::kIn64Of16, directory.count) && agrees(size, zip::kIn64, directory.size) &&
            agrees(begin, zip::kIn64, directory.begin),
        corrupt,
        "{}: the two ends of the zip directory contradict each other: {} entries, {} bytes at {}, and "
        "{} entries, {} bytes at {}",
        where_, count, size, begin, directory.count, directory.size, directory.begin);
  }
  LPMC_REQUIRE(directory.begin <= directory_end && directory_end - directory.begin == directory.size, corrupt,
               "{}: expected the zip directory to end at {}, found {} bytes at {}", where_, directory_end,
               directory.size, directory.begin);
  LPMC_REQUIRE(directory.count <= kMaxEntries, corrupt,
               "{}: expected at most {} entries in the zip archive, found {}", where_, kMaxEntries,
               directory.count);
  LPMC_REQUIRE(directory.count <= directory.size / zip::kCentralSize, corrupt,
               "{}: {} entries cannot stand in a zip directory of {} bytes", where_, directory.count,
               directory.size);
  return directory;
}

void ZipArchive::read_zip64_record(std::uint64_t end_record, Directory& directory) const {
  const std::uint64_t locator = end_record - zip::kZip64LocatorSize;
  const auto at = load_little<std::uint64_t>(bytes_, locator + 8);
  const auto parts = load_little<std::uint32_t>(bytes_, locator + 16);
  LPMC_REQUIRE(load_little<std::uint32_t>(bytes_, locator + 4) == 0 && parts <= 1, unsupported,
               "{}: a zip archive in several parts", where_);
  LPMC_REQUIRE(
      at <= locator - zip::kZip64EndSize && load_little<std::uint32_t>(bytes_, at) == zip::kZip64EndSignature,
      corrupt, "{}: expected the zip64 end of central directory at {}, before {}", where_, at, locator);
  const auto record_size = load_little<std::uint64_t>(bytes_, at + 4);
  LPMC_REQUIRE(record_size == locator - at - 12, corrupt,
               "{}: zip64 end of central directory: expected a size of {}, found {}", where_,
               locator - at - 12, record_size);
  const auto disk = load_little<std::uint32_t>(bytes_, at + 16);
  const auto directory_disk = load_little<std::uint32_t>(bytes_, at + 20);
  const auto disk_count = load_little<std::uint64_t>(bytes_, at + 24);
  directory.count = load_little<std::uint64_t>(bytes_, at + 32);
  directory.size = load_little<std::uint64_t>(bytes_, at + 40);
  directory.begin = load_little<std::uint64_t>(bytes_, at + 48);
  LPMC_REQUIRE(disk == 0 && directory_disk == 0 && disk_count == directory.count, unsupported,
               "{}: a zip archive in several parts", where_);
}

void ZipArchive::read_directory(const Directory& directory) {
  auto rest = bytes_.subspan(directory.begin, directory.size);
  entries_.reserve(directory.count);
  by_name_.reserve(directory.count);
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    std::size_t length = 0;
    entries_.push_back(read_directory_entry(rest, length));
    rest = rest.subspan(length);
    const bool is_new = by_name_.emplace(entries_.back().name, i).second;
    LPMC_REQUIRE(is_new, corrupt, "{}: two entries of the zip archive are named '{}'", where_,
                 shown(entries_.back().name));
  }
  LPMC_REQUIRE(rest.empty(), corrupt, "{}: {} bytes after the {} entries of the zip directory", where_,
               rest.size(), directory.count);
  set_limits(directory.begin);
}

ZipEntry ZipArchive::read_directory_entry(std::span<const std::byte> rest, std::size_t& length) const {
  LPMC_REQUIRE(
      rest.size() >= zip::kCentralSize && load_little<std::uint32_t>(rest, 0) == zip::kCentralSignature,
      corrupt, "{}: entry {} of the zip directory is damaged", where_, entries_.size());
  const std::size_t name_size = load_little<std::uint16_t>(rest, 28);
  const std::size_t extra_size = load_little<std::uint16_t>(rest, 30);
  const std::size_t comment_size = load_little<std::uint16_t>(rest, 32);
  length = zip::kCentralSize + name_size + extra_size + comment_size;
  LPMC_REQUIRE(length <= rest.size(), corrupt, "{}: entry {} of the zip directory reaches beyond its end",
               where_, entries_.size());
  ZipEntry entry;
  entry.name = as_text(rest.subspan(zip::kCentralSize, name_size));
  entry.flags = load_little<std::uint16_t>(rest, 8);
  entry.method = load_little<std::uint16_t>(rest, 10);
  entry.crc32 = load_little<std::uint32_t>(rest, 16);
  entry.stored_size = load_little<std::uint32_t>(rest, 20);
  entry.size = load_little<std::uint32_t>(rest, 24);
  entry.local_header = load_little<std::uint32_t>(rest, 42);
  const auto disk = load_little<std::uint16_t>(rest, 34);
  LPMC_REQUIRE(disk == 0 || disk == zip::kIn64Of16, unsupported, "{}: a zip archive in several parts",
               where_);
  read_zip64_extra(rest.subspan(zip::kCentralSize + name_size, extra_size), entry);
  LPMC_REQUIRE(entry.method != zip::kStored || entry.size == entry.stored_size, corrupt,
               "{}: zip entry '{}': stored, but {} bytes of {}", where_, shown(entry.name), entry.stored_size,
               entry.size);
  return entry;
}

/// The zip64 extra field holds those of size, stored size and offset, in this order, whose 32-bit
/// fields are saturated.
void ZipArchive::read_zip64_extra(std::span<const std::byte> extra, ZipEntry& entry) const {
  std::uint64_t* const saturated[] = {&entry.size, &entry.stored_size, &entry.local_header};
  bool seen = false;
  while (extra.size() >= 4) {
    const auto id = load_little<std::uint16_t>(extra, 0);
    const std::size_t size = load_little<std::uint16_t>(extra, 2);
    LPMC_REQUIRE(size <= extra.size() - 4, corrupt,
                 "{}: zip entry '{}': an extra field reaches beyond its end", where_, shown(entry.name));
    auto field = extra.subspan(4, size);
    extra = extra.subspan(4 + size);
    if (id != zip::kZip64Extra) continue;
    LPMC_REQUIRE(!seen, corrupt, "{}: zip entry '{}': two zip64 fields", where_, shown(entry.name));
    seen = true;
    for (std::uint64_t* value : saturated) {
      if (*value != zip::kIn64) continue;
      LPMC_REQUIRE(field.size() >= 8, corrupt, "{}: zip entry '{}': its zip64 field is too short", where_,
                   shown(entry.name));
      *value = load_little<std::uint64_t>(field, 0);
      field = field.subspan(8);
    }
  }
}

/// Each entry needs room for its local header, name and bytes before the next one begins.
void ZipArchive::set_limits(std::uint64_t directory_begin) {
  std::vector<std::size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [this](std::size_t i) { return entries_[i].local_header; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    ZipEntry& entry = entries_[order[i]];
    const bool is_last = i + 1 == order.size();
    entry.limit = is_last ? directory_begin : entries_[order[i + 1]].local_header;
    const std::uint64_t header = zip::kLocalSize + entry.name.size();
    if (entry.local_header <= entry.limit && entry.limit - entry.local_header >= header &&
        entry.limit - entry.local_header - header >= entry.stored_size) {
      continue;
    }
    if (is_last || entry.limit > directory_begin) {
      fail(ErrorKind::corrupt, "{}: zip entry '{}': {} bytes at {} do not lie before the directory at {}",
           where_, shown(entry.name), entry.stored_size, entry.local_header, directory_begin);
    }
    fail(ErrorKind::corrupt, "{}: zip entries '{}' and '{}' overlap: {} bytes at {}, and the next at {}",
         where_, shown(entry.name), shown(entries_[order[i + 1]].name), entry.stored_size, entry.local_header,
         entry.limit);
  }
}

std::span<const std::byte> ZipArchive::data(const ZipEntry& entry) const {
  constexpr std::uint16_t kUnreadable =
      zip::kFlagEncrypted | zip::kFlagStrongEncryption | zip::kFlagMaskedHeaders | zip::kFlagPatch;
  LPMC_REQUIRE((entry.flags & kUnreadable) == 0, unsupported, "{}: zip entry '{}' is encrypted", where_,
               shown(entry.name));
  LPMC_REQUIRE(entry.method == zip::kStored, unsupported,
               "{}: zip entry '{}': expected it stored, found compression method {}{}", where_,
               shown(entry.name), entry.method, method_name(entry.method));
  // set_limits() found room for the fixed part and the name.
  const auto local = bytes_.subspan(entry.local_header, entry.limit - entry.local_header);
  const std::size_t name_size = load_little<std::uint16_t>(local, 26);
  const std::size_t begin = zip::kLocalSize + name_size + load_little<std::uint16_t>(local, 28);
  const auto flags = load_little<std::uint16_t>(local, 6);
  const bool described = (flags & zip::kFlagDescriptor) != 0;
  const auto field_agrees = [&](std::size_t offset, std::uint64_t expected) {
    const auto found = load_little<std::uint32_t>(local, offset);
    return found == expected || (described && found == 0) || (found == zip::kIn64 && offset != 14);
  };
  const bool same_name = name_size == entry.name.size() &&
                         as_text(local.subspan(zip::kLocalSize, entry.name.size())) == entry.name;
  LPMC_REQUIRE(load_little<std::uint32_t>(local, 0) == zip::kLocalSignature && same_name &&
                   (flags & kUnreadable) == 0 && load_little<std::uint16_t>(local, 8) == entry.method &&
                   field_agrees(14, entry.crc32) && field_agrees(18, entry.stored_size) &&
                   field_agrees(22, entry.size),
               corrupt, "{}: zip entry '{}': its local header at {} contradicts the directory", where_,
               shown(entry.name), entry.local_header);
  LPMC_REQUIRE(begin <= local.size() && local.size() - begin >= entry.stored_size, corrupt,
               "{}: zip entry '{}': {} bytes at {} reach into what follows at {}", where_, shown(entry.name),
               entry.stored_size, entry.local_header + begin, entry.limit);
  return local.subspan(begin, entry.stored_size);
}

void ZipArchive::verify_checksum(const ZipEntry& entry) const {
  const auto bytes = data(entry);
  if (entry.crc32 == 0) return;
  const auto found =
      static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  LPMC_REQUIRE(found == entry.crc32, corrupt,
               "{}: zip entry '{}' is damaged: expected the checksum {:08x}, found {:08x}", where_,
               shown(entry.name), entry.crc32, found);
}

}  // namespace lpmc
