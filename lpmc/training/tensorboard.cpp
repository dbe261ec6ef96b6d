#include "lpmc/training/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::uint32_t kCastagnoli = 0x82F63B78;  // the polynomial, bits reversed
constexpr std::uint32_t kMaskDelta = 0xA282EAD8;

constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    table[i] = crc;
  }
  return table;
}();

/// Wire types of protobuf.
constexpr int kVarint = 0, k64Bit = 1, kBytes = 2, k32Bit = 5;

/// Little-endian bytes of a number.
template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
static_assert(std::endian::native == std::endian::little);

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>((value & 0x7F) | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

std::string key(int field, int wire_type) {
  return varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

std::string message(int field, std::string_view bytes) {
  return key(field, kBytes) + varint(bytes.size()) + std::string(bytes);
}

/// Event.wall_time and Event.step.
std::string event_head(std::int64_t step) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return key(1, k64Bit) + raw(std::chrono::duration<double>(now).count()) + key(2, kVarint) +
         varint(static_cast<std::uint64_t>(step));
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return std::rotr(~crc, 15) + kMaskDelta;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  path_ = folder / fmt::format("events.out.tfevents.{:010}.lpmc.{}", seconds, ::getpid());
  stream_.open(path_, std::ios::binary | std::ios::trunc);
  LPMC_REQUIRE(stream_.is_open(), io, "{}: cannot be written", display_path(path_));
  write_record(event_head(0) + message(3, "brain.Event:2"));  // Event.file_version
  constexpr int kStart = 1;                                   // SessionLog.START
  if (first_step > 0) write_record(event_head(first_step) + message(7, key(1, kVarint) + varint(kStart)));
}

void EventFile::add(std::int64_t step, const std::map<std::string, double>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars)
    summary += message(1, message(1, tag) + key(2, k32Bit) + raw(static_cast<float>(value)));
  write_record(event_head(step) + message(5, summary));
}

void EventFile::write_record(std::string_view event) {
  const std::string length = raw(static_cast<std::uint64_t>(event.size()));
  stream_ << length << raw(masked_crc32c(length)) << event << raw(masked_crc32c(event));
  stream_.flush();
  LPMC_REQUIRE(stream_.good(), io, "{}: cannot be written", display_path(path_));
}

}  // namespace lpmc
