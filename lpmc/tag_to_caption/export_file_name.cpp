#include "lpmc/tag_to_caption/export_file_name.h"

#include <cstdint>

#include <fmt/format.h>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// FNV-1a: the same on every machine, as the names must be.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace

std::string export_file_name(std::string_view id, std::size_t max_bytes) {
  const bool valid = is_valid_utf8(id);
  std::string name;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto byte = static_cast<unsigned char>(id[i]);
    const bool first_dot = byte == '.' && i == 0;
    const bool edge_blank = byte == ' ' && (i == 0 || i + 1 == id.size());
    const bool as_if_cut = byte == '~' && i + 17 == id.size();  // what a cut name ends in
    const bool unsafe = byte < 0x20 || byte == 0x7F || byte == '/' || byte == '\\' || byte == '%' ||
                        (byte >= 0x80 && !valid) || first_dot || edge_blank || as_if_cut;
    name += unsafe ? fmt::format("%{:02X}", byte) : std::string(1, id[i]);
  }
  if (name.empty()) return "%";
  if (name.size() <= max_bytes) return name;
  std::size_t end = max_bytes - 17;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U)
    --end;  // not within a character
  return fmt::format("{}~{:016x}", name.substr(0, end), hash_of(id));
}

}  // namespace lpmc
