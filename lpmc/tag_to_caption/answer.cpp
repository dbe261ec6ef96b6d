#include "lpmc/tag_to_caption/answer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/answer_wrappers.h"
#include "lpmc/tag_to_caption/literal_value.h"

namespace lpmc {
namespace {

// A caption is some hundred characters; text beyond this is not read, so that hostile text costs little.
constexpr std::size_t kMaxText = 256U << 10;
constexpr int kMaxCandidates = 24;
constexpr std::size_t kMaxAttributes = 256;

std::string_view trim(std::string_view text, std::string_view chars) {
  const std::size_t first = text.find_first_not_of(chars);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(chars) - first + 1);
}

/// One line: white space and control characters to single spaces.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// "New Attributes" and "new_attribute" to "newattribute".
std::string plain_key(std::string_view key) {
  std::string out;
  for (const char c : key)
    if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (out.size() > 1 && out.back() == 's') out.pop_back();
  return out;
}

bool is_caption_key(std::string_view key) {
  static constexpr std::array<std::string_view, 7> kKeys{
      "description", "caption", "songdescription", "descriptionsentence", "songdescriptionsentence",
      "sentence",    "song"};
  const std::string plain = plain_key(key);
  return std::find(kKeys.begin(), kKeys.end(), plain) != kKeys.end();
}

bool is_attribute_key(std::string_view key) {
  static constexpr std::array<std::string_view, 4> kKeys{"newattribute", "attribute", "new", "newtag"};
  const std::string plain = plain_key(key);
  return std::find(kKeys.begin(), kKeys.end(), plain) != kKeys.end();
}

void add_attribute(std::string_view text, std::vector<std::string>& out) {
  std::string attribute = one_line(trim(text, " \t\r\n\"'`*-"));
  if (attribute.starts_with("and ")) attribute.erase(0, 4);
  // Small models fill the list with the keys that they were told to use.
  const bool is_key = plain_key(attribute) == "newattribute" || plain_key(attribute) == "description";
  if (attribute.empty() || is_key || out.size() >= kMaxAttributes) return;
  if (std::find(out.begin(), out.end(), attribute) == out.end()) out.push_back(std::move(attribute));
}

void add_comma_separated(std::string_view text, std::vector<std::string>& out) {
  text = trim(text, " \t\r\n[](){}");
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find_first_of(",;\n"), text.size());
    add_attribute(text.substr(0, comma), out);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

/// A list, a comma-separated string, or either within a list or dictionary. @pre bounded depth: from
/// LiteralValue
void collect_attributes(const LiteralValue& value, std::vector<std::string>& out) {
  switch (value.kind) {
    case LiteralValue::Kind::nothing:
      return;
    case LiteralValue::Kind::word:
    case LiteralValue::Kind::string:
      add_comma_separated(value.text, out);
      return;
    case LiteralValue::Kind::list:
    case LiteralValue::Kind::dictionary:
      for (const LiteralValue& item : value.items)
        collect_attributes(item, out);
      return;
  }
}

std::string caption_text(const LiteralValue& value) {
  if (value.kind == LiteralValue::Kind::string) return value.text;
  std::string out;
  if (value.kind == LiteralValue::Kind::list) {
    for (const LiteralValue& item : value.items)
      if (item.kind == LiteralValue::Kind::string) out += (out.empty() ? "" : " ") + item.text;
  }
  return out;
}

/// Nothing when the dictionary has no description.
std::optional<Answer> answer_of(const LiteralValue& dictionary) {
  Answer answer;
  for (std::size_t i = 0; i < dictionary.items.size(); ++i) {
    if (answer.caption.empty() && is_caption_key(dictionary.keys[i])) {
      answer.caption = one_line(strip_wrappers(caption_text(dictionary.items[i])));
    } else if (is_attribute_key(dictionary.keys[i])) {
      collect_attributes(dictionary.items[i], answer.new_attributes);
    }
  }
  // A description that is a dictionary again was not understood: no sentence begins so.
  if (answer.caption.empty() || answer.caption.front() == '{') return std::nullopt;
  return answer;
}

/// Every "{" may begin the dictionary: prose before it may hold others, and it may lie in another.
std::optional<Answer> find_dictionary(std::string_view text) {
  int candidates = 0;
  for (std::size_t at = text.find('{'); at != std::string_view::npos && candidates < kMaxCandidates;
       at = text.find('{', at + 1), ++candidates) {
    const std::string_view rest = text.substr(at);
    const LiteralResult strict = read_literal_dictionary(rest, QuoteRule::strict);
    std::optional<Answer> answer;
    if (strict.whole || strict.cut_off) answer = answer_of(strict.value);
    if (!answer && !strict.whole) answer = answer_of(read_literal_dictionary(rest, QuoteRule::lax).value);
    if (!answer) answer = answer_of(strict.value);  // what stood before the damage
    if (answer) return answer;
  }
  return std::nullopt;
}

/// Without braces: "new_attribute: a, b" and "description: ..." on lines of their own.
std::optional<Answer> find_lines(std::string_view text) {
  if (text.find('{') != std::string_view::npos)
    return std::nullopt;  // a broken dictionary is no list of lines
  Answer answer;
  enum class Part { none, attributes, caption } part = Part::none;
  std::string attributes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trim(text.substr(0, end), " \t\r*-\"'#,{}");
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = line.substr(0, 48).find_first_of(":=");
    const std::string_view key = colon == std::string_view::npos ? std::string_view() : line.substr(0, colon);
    if (is_attribute_key(key)) {
      part = Part::attributes;
      line.remove_prefix(colon + 1);
    } else if (is_caption_key(key)) {
      part = Part::caption;
      line.remove_prefix(colon + 1);
    }
    line = trim(line, " \t\r*");
    if (part == Part::attributes) {
      attributes += line;
      attributes += '\n';
    } else if (part == Part::caption && answer.caption.empty()) {
      answer.caption = one_line(strip_wrappers(trim(line, " \t\"")));
    }
  }
  if (answer.caption.empty()) return std::nullopt;
  add_comma_separated(attributes, answer.new_attributes);
  return answer;
}

}  // namespace

std::optional<Answer> parse_dictionary_answer(std::string_view text) {
  const std::string spoken = without_reasoning(replace_invalid_utf8(text.substr(0, kMaxText)));
  if (auto answer = find_dictionary(spoken)) return answer;
  return find_lines(spoken);
}

std::optional<Answer> parse_plain_answer(std::string_view text) {
  const std::string clean = replace_invalid_utf8(text.substr(0, kMaxText));
  const std::string stripped = strip_wrappers(clean);
  if (stripped.starts_with('{')) {
    if (auto answer = find_dictionary(stripped)) {
      answer->new_attributes.clear();
      return answer;
    }
  }
  Answer answer;
  answer.caption = one_line(stripped);
  if (answer.caption.empty()) return std::nullopt;
  return answer;
}

}  // namespace lpmc
