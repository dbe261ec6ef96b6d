#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// CRC-32 as zip uses it.
std::uint32_t zip_checksum(std::span<const std::byte> bytes);

/// Writes a zip archive of stored entries front to back, laid out as torch.save does: each entry's
/// bytes begin at a multiple of 64 (padding in an extra field), and the zip64 end record is always
/// there. Entries, offsets and sizes of any number and size (zip64 where needed).
class ZipWriter {
 public:
  static constexpr std::uint64_t kAlignment = 64;
  using Sink = std::function<void(std::span<const std::byte>)>;

  explicit ZipWriter(Sink sink) : sink_(std::move(sink)) {}

  /// @throws Error(invalid_argument) for a name of over 65535 bytes
  void add(std::string_view name, std::span<const std::byte> bytes) { add(name, bytes, zip_checksum(bytes)); }
  /// With the checksum already known.
  void add(std::string_view name, std::span<const std::byte> bytes, std::uint32_t crc32);
  /// Writes the directory; nothing may be added after.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t size;
    std::uint64_t local_header;
    std::uint32_t crc32;
  };

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  std::string local_header(const Entry& entry) const;

  Sink sink_;
  std::uint64_t position_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace lpmc
