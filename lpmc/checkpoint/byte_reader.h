#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace lpmc {

static_assert(std::endian::native == std::endian::little, "files are read by copying little-endian numbers");

/// The little-endian number at `offset`. @pre it lies inside `bytes`
template <class T>
T load_little(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Appends a number, little-endian.
template <class T>
void append_little(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

/// The same bytes as characters.
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A name out of a file as it may stand in a message: valid UTF-8, control characters escaped, cut
/// after some 100 bytes.
std::string shown(std::string_view name);

}  // namespace lpmc
