#include "lpmc/dataset/clean_tags.h"

#include <utility>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// The control characters of `text` as spaces, its ends trimmed. @pre well-formed UTF-8
std::string plain_tag(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // In well-formed UTF-8, 0xC2 is always a lead byte with one byte after it.
    const bool is_c1 = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) ++i;
    plain += byte < 0x20 || byte == 0x7F || is_c1 ? ' ' : text[i];
  }
  const std::size_t begin = plain.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return plain.substr(begin, plain.find_last_not_of(' ') - begin + 1);
}

}  // namespace

std::vector<std::string> clean_tags(std::vector<std::string> tags, std::size_t& too_long) {
  std::vector<std::string> kept;
  kept.reserve(tags.size());
  for (const std::string& tag : tags) {
    std::string plain = plain_tag(replace_invalid_utf8(tag));
    if (plain.size() > kMaxTagBytes) {
      ++too_long;
    } else if (!plain.empty()) {
      kept.push_back(std::move(plain));
    }
  }
  return kept;
}

}  // namespace lpmc
