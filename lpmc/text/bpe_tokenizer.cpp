#include "lpmc/text/bpe_tokenizer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"
#include "lpmc/text/byte_alphabet.h"

namespace lpmc {
namespace {

constexpr std::size_t kBeginOfText = 0;  // indices of kSpecialTokens
constexpr std::size_t kEndOfText = 2;
constexpr std::size_t kMask = 4;
static_assert(kSpecialTokens[kBeginOfText] == "<s>" && kSpecialTokens[kEndOfText] == "</s>" &&
              kSpecialTokens[kMask] == "<mask>");

std::string_view text_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

/// str.rstrip() of well-formed UTF-8.
std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<std::uint8_t>(text[begin]) & 0xC0) == 0x80)
      --begin;
    std::string_view last = text.substr(begin);
    if (!is_python_space(take_character(last))) break;
    text = text.substr(0, begin);
  }
  return text;
}

struct SpecialPosition {
  std::size_t begin;
  std::size_t index;  // of kSpecialTokens
};

/// The first special token in `text`. No special token is part of another and each has its only "<"
/// in front, so from left to right is all there is to say.
std::optional<SpecialPosition> find_special(std::string_view text) {
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view here = text.substr(at);
    for (std::size_t i = 0; i < std::size(kSpecialTokens); ++i) {
      if (here.starts_with(kSpecialTokens[i])) return SpecialPosition{at, i};
    }
  }
  return std::nullopt;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t position = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, position)) {
    out.append(text, position, at - position).append(to);
    position = at + from.size();
  }
  if (position == 0) return;
  out.append(text, position);
  text = std::move(out);
}

}  // namespace

BpeTokenizer::BpeTokenizer(Vocabulary vocabulary, BpeMerges merges)
    : vocabulary_(std::move(vocabulary)), merges_(std::move(merges)) {
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = vocabulary_.id(byte_token(static_cast<std::uint8_t>(byte))).value();
  }
  for (std::size_t i = 0; i < special_ids_.size(); ++i) {
    special_ids_[i] = vocabulary_.id(kSpecialTokens[i]).value();
  }
}

BpeTokenizer BpeTokenizer::from_files(const std::filesystem::path& vocab_json,
                                      const std::filesystem::path& merges_txt) {
  const MappedFile vocab(vocab_json);
  const MappedFile merges(merges_txt);
  return from_text(text_of(vocab), text_of(merges), display_path(vocab_json), display_path(merges_txt));
}

BpeTokenizer BpeTokenizer::from_text(std::string_view vocab_json, std::string_view merges_txt,
                                     std::string_view vocab_name, std::string_view merges_name) {
  Vocabulary vocabulary = Vocabulary::from_json(vocab_json, vocab_name);
  BpeMerges merges(merges_txt, vocabulary, merges_name);
  return BpeTokenizer(std::move(vocabulary), std::move(merges));
}

std::vector<std::int32_t> BpeTokenizer::encode(std::string_view text, bool add_special_tokens) const {
  LPMC_REQUIRE(text.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
               invalid_argument, "text: expected under 2 GiB, found {} bytes", text.size());
  std::string replaced;
  if (!is_valid_utf8(text)) text = replaced = replace_invalid_utf8(text);

  std::vector<std::int32_t> ids;
  if (add_special_tokens) ids.push_back(special_ids_[kBeginOfText]);
  while (const std::optional<SpecialPosition> special = find_special(text)) {
    const std::string_view before = text.substr(0, special->begin);
    encode_plain(special->index == kMask ? strip_right(before) : before, ids);
    ids.push_back(special_ids_[special->index]);
    text.remove_prefix(special->begin + kSpecialTokens[special->index].size());
  }
  encode_plain(text, ids);
  if (add_special_tokens) ids.push_back(special_ids_[kEndOfText]);
  return ids;
}

/// Encodes text without special tokens.
void BpeTokenizer::encode_plain(std::string_view text, std::vector<std::int32_t>& ids) const {
  if (text.empty()) return;
  std::vector<std::string_view> words;
  pre_tokenizer_.split(text, words);
  std::vector<std::int32_t> tokens;
  for (const std::string_view word : words) {
    tokens.clear();
    for (const char byte : word)
      tokens.push_back(byte_ids_[static_cast<std::uint8_t>(byte)]);
    merges_.apply(tokens);
    ids.insert(ids.end(), tokens.begin(), tokens.end());
  }
}

std::string BpeTokenizer::decode(std::span<const std::int32_t> ids, DecodeOptions options) const {
  std::string bytes;
  for (const std::int32_t id : ids) {
    check_id(id);
    if (options.skip_special_tokens && is_special(id)) continue;
    std::string_view rest = vocabulary_.token(id);
    while (!rest.empty())
      bytes += static_cast<char>(character_byte(take_character(rest)).value());
  }
  std::string text = replace_invalid_utf8(bytes);
  return options.clean_up ? clean_up_tokenization(std::move(text)) : text;
}

std::string_view BpeTokenizer::token(std::int32_t id) const {
  check_id(id);
  return vocabulary_.token(id);
}

bool BpeTokenizer::is_special(std::int32_t id) const {
  return std::find(special_ids_.begin(), special_ids_.end(), id) != special_ids_.end();
}

void BpeTokenizer::check_id(std::int32_t id) const {
  LPMC_REQUIRE(id >= 0 && static_cast<std::size_t>(id) < vocab_size(), invalid_argument,
               "token id: expected 0 to {}, found {}", vocab_size() - 1, id);
}

std::string clean_up_tokenization(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kReplacements)
    replace_all(text, from, to);
  return text;
}

}  // namespace lpmc
