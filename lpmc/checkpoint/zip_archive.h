#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lpmc {

/// What the central directory says of one file in a zip archive. Nothing of it is checked against
/// the file's local header before ZipArchive::data().
struct ZipEntry {
  std::string_view name;  ///< as stored: any bytes
  std::uint64_t size = 0;
  std::uint64_t stored_size = 0;  ///< bytes in the archive; `size` when stored
  std::uint64_t local_header = 0;
  std::uint64_t limit = 0;  ///< where the next entry, or the directory, begins
  std::uint32_t crc32 = 0;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  ///< 0 stored, 8 deflated
};

/// A read-only zip archive over bytes that somebody else keeps (a mapped file): zip64, and data
/// descriptors, whose sizes are in the central directory. Entries are handed out in place, so they
/// must be stored, not compressed; hence no entry is larger than it is in the file, and a zip bomb
/// has no way in but entries that share bytes. Those are refused: entries may not overlap.
///
/// Opening touches the archive's end and its directory only; an entry's bytes are touched by
/// data().
class ZipArchive {
 public:
  static constexpr std::uint64_t kMaxEntries = 1 << 20;

  /// @param where names the archive in errors
  /// @throws Error(corrupt) when the directory is missing (a cut-off file) or contradicts itself or
  /// the file's size, when entries overlap or share a name, when there are over kMaxEntries;
  /// Error(unsupported) for an archive in several parts
  ZipArchive(std::span<const std::byte> bytes, std::string_view where);

  /// In the directory's order.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;
  const std::string& where() const { return where_; }

  /// The entry's bytes, after its local header is checked against the directory.
  /// @throws Error(unsupported) when it is compressed or encrypted, Error(corrupt) when the local
  /// header says something else than the directory
  std::span<const std::byte> data(const ZipEntry& entry) const;

  /// Reads the entry and compares its CRC-32. A recorded 0 is taken for "not computed": torch can be
  /// told to skip checksums (torch.serialization.set_crc32_options).
  /// @throws as data(), and Error(corrupt) when it differs
  void verify_checksum(const ZipEntry& entry) const;

 private:
  struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
  };

  std::uint64_t find_end_record() const;
  Directory read_end_records() const;
  void read_zip64_record(std::uint64_t end_record, Directory& directory) const;
  void read_directory(const Directory& directory);
  ZipEntry read_directory_entry(std::span<const std::byte> rest, std::size_t& length) const;
  void read_zip64_extra(std::span<const std::byte> extra, ZipEntry& entry) const;
  void set_limits(std::uint64_t directory_begin);

  std::span<const std::byte> bytes_;
  std::string where_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace lpmc
