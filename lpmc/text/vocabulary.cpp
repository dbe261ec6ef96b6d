#include "lpmc/text/vocabulary.h"

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/text/byte_alphabet.h"

namespace lpmc {
namespace {

/// A token as it may stand in a message.
std::string display_token(std::string_view token) {
  constexpr std::size_t kShown = 60;
  std::string text(token.substr(0, kShown));
  if (token.size() > kShown) text += "...";
  return display_path(text);
}

/// Takes the entries as the parser meets them, so that a key that comes twice does not go unseen.
class VocabularyReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit VocabularyReader(std::string_view where) : where_(where) {}

  std::vector<std::pair<std::string, std::int64_t>> take_entries() { return std::move(entries_); }

  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMax = static_cast<number_unsigned_t>(INT32_MAX);
    if (!inside_ || value > kMax) wrong(std::to_string(value));
    entries_.emplace_back(std::move(key_), static_cast<std::int64_t>(value));
    return true;
  }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override {
    if (inside_) wrong("an object");
    inside_ = true;
    return true;
  }
  bool end_object() override { return true; }

  bool null() override { wrong("null"); }
  bool boolean(bool) override { wrong("a boolean"); }
  bool number_integer(number_integer_t value) override { wrong(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { wrong(text); }
  bool string(string_t&) override { wrong("a string"); }
  bool binary(binary_t&) override { wrong("binary data"); }
  bool start_array(std::size_t) override { wrong("an array"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail(ErrorKind::corrupt, "{}: expected JSON, found an error at byte {}", where_, position);
  }

 private:
  [[noreturn]] void wrong(std::string_view found) const {
    LPMC_REQUIRE(inside_, corrupt, "{}: expected an object of tokens to ids, found {}", where_, found);
    fail(ErrorKind::corrupt, "{}: token \"{}\": expected a whole number from 0, found {}", where_,
         display_token(key_), found);
  }

  std::string_view where_;
  std::string key_;
  bool inside_ = false;
  std::vector<std::pair<std::string, std::int64_t>> entries_;
};

void check_characters(const std::string& token, std::size_t id, std::string_view where) {
  std::string_view rest = token;
  while (!rest.empty()) {
    const char32_t character = take_character(rest);
    LPMC_REQUIRE(character_byte(character).has_value(), corrupt,
                 "{}: token \"{}\" (id {}): expected characters that stand for bytes, found U+{:04X}", where,
                 display_token(token), id, static_cast<std::uint32_t>(character));
  }
}

}  // namespace

Vocabulary Vocabulary::from_json(std::string_view json, std::string_view where) {
  LPMC_REQUIRE(!json.starts_with("\xEF\xBB\xBF"), corrupt,
               "{}: expected a JSON object, found a byte order mark before it", where);
  VocabularyReader reader(where);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  std::vector<std::pair<std::string, std::int64_t>> entries = reader.take_entries();

  Vocabulary vocabulary;
  vocabulary.tokens_.resize(entries.size());
  std::vector<bool> taken(entries.size());
  for (auto& [token, id] : entries) {
    const auto index = static_cast<std::size_t>(id);
    LPMC_REQUIRE(index < entries.size(), corrupt,
                 "{}: token \"{}\": expected an id under {} (one for each token), found {}", where,
                 display_token(token), entries.size(), id);
    LPMC_REQUIRE(!taken[index], corrupt,
                 "{}: token \"{}\": expected an id of its own, found {}, which is \"{}\"'s", where,
                 display_token(token), id, display_token(vocabulary.tokens_[index]));
    taken[index] = true;
    check_characters(token, index, where);
    vocabulary.tokens_[index] = std::move(token);
  }
  // As many tokens as ids, each id taken once: no hole is left.
  vocabulary.ids_.reserve(entries.size());
  for (std::size_t id = 0; id < vocabulary.tokens_.size(); ++id) {
    const bool is_new = vocabulary.ids_.emplace(vocabulary.tokens_[id], static_cast<std::int32_t>(id)).second;
    LPMC_REQUIRE(is_new, corrupt, "{}: token \"{}\": expected once, found twice", where,
                 display_token(vocabulary.tokens_[id]));
  }
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const std::string_view token = byte_token(static_cast<std::uint8_t>(byte));
    LPMC_REQUIRE(vocabulary.id(token).has_value(), corrupt,
                 "{}: expected the token \"{}\" of byte 0x{:02X}, found none", where, token, byte);
  }
  for (const std::string_view token : kSpecialTokens) {
    LPMC_REQUIRE(vocabulary.id(token).has_value(), corrupt, "{}: expected the token \"{}\", found none",
                 where, token);
  }
  return vocabulary;
}

std::optional<std::int32_t> Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

}  // namespace lpmc
