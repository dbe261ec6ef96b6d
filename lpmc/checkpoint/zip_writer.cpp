#include "lpmc/checkpoint/zip_writer.h"

#include <algorithm>

#include <zlib.h>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/zip_records.h"

namespace lpmc {
namespace {

constexpr std::uint16_t kVersionStored = 20;
constexpr std::uint16_t kVersionZip64 = 45;
/// "FB": the extra field in which torch pads.
constexpr std::uint16_t kPaddingExtra = 0x4246;
constexpr std::size_t kExtraHeader = 4;
/// Names may be UTF-8.
constexpr std::uint16_t kFlags = 1U << 11;
/// 1 January 1980, the epoch of zip's dates: files do not depend on when they were written.
constexpr std::uint16_t kDate = (1U << 5) | 1U;

std::uint32_t saturated_32(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, zip::kIn64));
}
std::uint16_t saturated_16(std::uint64_t value) {
  return static_cast<std::uint16_t>(std::min<std::uint64_t>(value, zip::kIn64Of16));
}

/// A zip64 extra field of those values that do not fit 32 bits.
std::string zip64_extra(std::initializer_list<std::uint64_t> values) {
  std::string body;
  for (const std::uint64_t value : values) {
    if (value >= zip::kIn64) append_little(body, value);
  }
  if (body.empty()) return body;
  std::string extra;
  append_little(extra, zip::kZip64Extra);
  append_little(extra, static_cast<std::uint16_t>(body.size()));
  return extra + body;
}

/// What local and central header have in common, from "version needed" to the sizes.
void append_shared_fields(std::string& out, std::uint64_t size, std::uint32_t crc32, bool zip64) {
  append_little(out, zip64 ? kVersionZip64 : kVersionStored);
  append_little(out, kFlags);
  append_little(out, zip::kStored);
  append_little(out, std::uint16_t{0});  // time
  append_little(out, kDate);
  append_little(out, crc32);
  append_little(out, saturated_32(size));
  append_little(out, saturated_32(size));
}

}  // namespace

std::uint32_t zip_checksum(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  sink_(bytes);
  position_ += bytes.size();
}

void ZipWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

std::string ZipWriter::local_header(const Entry& entry) const {
  std::string extra = zip64_extra({entry.size, entry.size});
  const std::uint64_t unpadded =
      entry.local_header + zip::kLocalSize + entry.name.size() + extra.size() + kExtraHeader;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  append_little(extra, kPaddingExtra);
  append_little(extra, static_cast<std::uint16_t>(padding));
  extra.append(padding, 'Z');

  std::string header;
  append_little(header, zip::kLocalSignature);
  append_shared_fields(header, entry.size, entry.crc32, entry.size >= zip::kIn64);
  append_little(header, static_cast<std::uint16_t>(entry.name.size()));
  append_little(header, static_cast<std::uint16_t>(extra.size()));
  return header + entry.name + extra;
}

void ZipWriter::add(std::string_view name, std::span<const std::byte> bytes, std::uint32_t crc32) {
  LPMC_REQUIRE(name.size() <= 0xFFFF, invalid_argument, "zip: a name of {} bytes", name.size());
  entries_.push_back({std::string(name), bytes.size(), position_, crc32});
  write(local_header(entries_.back()));
  if (!bytes.empty()) write(bytes);
}

void ZipWriter::finish() {
  const std::uint64_t begin = position_;
  for (const Entry& entry : entries_) {
    const std::string extra = zip64_extra({entry.size, entry.size, entry.local_header});
    std::string record;
    append_little(record, zip::kCentralSignature);
    append_little(record, kVersionZip64);  // made by
    append_shared_fields(record, entry.size, entry.crc32, !extra.empty());
    append_little(record, static_cast<std::uint16_t>(entry.name.size()));
    append_little(record, static_cast<std::uint16_t>(extra.size()));
    append_little(record, std::uint16_t{0});  // comment
    append_little(record, std::uint16_t{0});  // disk
    append_little(record, std::uint16_t{0});  // internal attributes
    append_little(record, std::uint32_t{0});  // external attributes
    append_little(record, saturated_32(entry.local_header));
    write(record + entry.name + extra);
  }
  const std::uint64_t end = position_;
  const std::uint64_t count = entries_.size();

  std::string records;
  append_little(records, zip::kZip64EndSignature);
  append_little(records, zip::kZip64EndSize - 12);
  append_little(records, kVersionZip64);
  append_little(records, kVersionZip64);
  append_little(records, std::uint32_t{0});
  append_little(records, std::uint32_t{0});
  append_little(records, count);
  append_little(records, count);
  append_little(records, end - begin);
  append_little(records, begin);
  append_little(records, zip::kZip64LocatorSignature);
  append_little(records, std::uint32_t{0});
  append_little(records, end);
  append_little(records, std::uint32_t{1});
  append_little(records, zip::kEndSignature);
  append_little(records, std::uint32_t{0});  // disks
  append_little(records, saturated_16(count));
  append_little(records, saturated_16(count));
  append_little(records, saturated_32(end - begin));
  append_little(records, saturated_32(begin));
  append_little(records, std::uint16_t{0});  // comment
  write(records);
}

}  // namespace lpmc
