#include "lpmc/evaluation/wordnet.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, kPartsOfSpeech> kSuffixes{"noun", "verb", "adj", "adv"};

constexpr std::size_t kOffsetDigits = 8;

struct Rule {
  std::string_view ending;
  std::string_view replacement;
};

constexpr std::array<Rule, 9> kNounRules{{{"s", ""},
                                          {"ses", "s"},
                                          {"ves", "f"},
                                          {"xes", "x"},
                                          {"zes", "z"},
                                          {"ches", "ch"},
                                          {"shes", "sh"},
                                          {"men", "man"},
                                          {"ies", "y"}}};
constexpr std::array<Rule, 8> kVerbRules{
    {{"s", ""}, {"ies", "y"}, {"es", "e"}, {"es", ""}, {"ed", "e"}, {"ed", ""}, {"ing", "e"}, {"ing", ""}}};
constexpr std::array<Rule, 4> kAdjectiveRules{{{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}}};

std::span<const Rule> rules_of(PartOfSpeech part) {
  switch (part) {
    case PartOfSpeech::noun:
      return kNounRules;
    case PartOfSpeech::verb:
      return kVerbRules;
    case PartOfSpeech::adjective:
      return kAdjectiveRules;
    case PartOfSpeech::adverb:
      return {};
  }
  return {};
}

/// A word as rules change it: the beginning of the word looked up, and the few letters put behind it. No
/// copies of the word are made, so one of a million letters costs no more than its length.
struct Form {
  std::string_view kept;
  std::string tail;

  bool operator==(const Form&) const = default;
  std::size_t size() const { return kept.size() + tail.size(); }
  std::string text() const { return std::string(kept) + tail; }

  bool ends_with(std::string_view ending) const {
    if (ending.size() <= tail.size()) return std::string_view(tail).ends_with(ending);
    return ending.ends_with(tail) && kept.ends_with(ending.substr(0, ending.size() - tail.size()));
  }

  Form changed(const Rule& rule) const {
    Form form = *this;
    const std::size_t from_tail = std::min(rule.ending.size(), form.tail.size());
    form.tail.resize(form.tail.size() - from_tail);
    form.kept.remove_suffix(rule.ending.size() - from_tail);
    form.tail += rule.replacement;
    return form;
  }
};

std::vector<Form> apply_rules(std::span<const Form> forms, std::span<const Rule> rules) {
  std::vector<Form> results;
  for (const Form& form : forms) {
    for (const Rule& rule : rules) {
      if (!form.ends_with(rule.ending)) continue;
      Form changed = form.changed(rule);
      if (std::find(results.begin(), results.end(), changed) == results.end())
        results.push_back(std::move(changed));
    }
  }
  return results;
}

std::string_view text_of(const MappedFile& file) {
  const std::span<const std::byte> bytes = file.bytes();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

/// The line that starts at `offset`, without its end.
std::string_view line_at(std::string_view text, std::size_t offset) {
  const std::string_view rest = text.substr(offset);
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

[[noreturn]] void fail_at(const MappedFile& file, std::size_t offset, std::string_view problem) {
  const std::string_view before = text_of(file).substr(0, offset);
  fail(ErrorKind::corrupt, "{}:{}: {}", display_path(file.path()),
       std::count(before.begin(), before.end(), '\n') + 1, problem);
}

/// Takes the next field of a line, "" at its end.
std::string_view take_field(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(begin);
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

/// Takes the last field of a line, "" where there is none.
std::string_view take_last_field(std::string_view& line) {
  line = line.substr(0, line.find_last_not_of(' ') + 1);
  const std::string_view field = line.substr(line.rfind(' ') + 1);
  line.remove_suffix(field.size());
  return field;
}

std::optional<std::size_t> to_number(std::string_view field, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// Licence lines stand at the head of index and data files.
bool is_licence(std::string_view line) {
  return line.starts_with("  ");
}

std::string version_in(std::string_view text) {
  constexpr std::string_view kBefore = "WordNet ", kAfter = " Copyright";
  for (std::size_t offset = 0; offset < text.size();) {
    const std::string_view line = line_at(text, offset);
    if (!is_licence(line)) break;
    const std::size_t after = line.find(kAfter);
    const std::size_t before = line.substr(0, after).rfind(kBefore);
    if (after != std::string_view::npos && before != std::string_view::npos) {
      const std::size_t begin = before + kBefore.size();
      return std::string(line.substr(begin, after - begin));
    }
    offset += text.substr(offset).find('\n') + 1;
    if (offset == 0) break;
  }
  return "";
}

std::string_view without_position_mark(std::string_view member) {
  for (const std::string_view mark : {"(a)", "(p)", "(ip)"}) {
    if (member.ends_with(mark)) return member.substr(0, member.size() - mark.size());
  }
  return member;
}

bool has_dictionary(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "index.noun", ignored) &&
         fs::is_regular_file(folder / "data.noun", ignored);
}

}  // namespace

std::optional<fs::path> WordNet::find() {
  std::vector<fs::path> places;
  if (const char* folder = std::getenv("WNSEARCHDIR")) places.emplace_back(folder);
  if (const char* folder = std::getenv("WNHOME")) places.push_back(fs::path(folder) / "dict");
  for (const char* folder : {"/usr/share/wordnet", "/usr/local/share/wordnet", "/usr/local/WordNet-3.0/dict",
                             "/opt/homebrew/opt/wordnet/dict", "/usr/local/opt/wordnet/dict",
                             "/usr/share/nltk_data/corpora/wordnet"})
    places.emplace_back(folder);
  if (const char* home = std::getenv("HOME")) places.push_back(fs::path(home) / "nltk_data/corpora/wordnet");
  const auto found = std::find_if(places.begin(), places.end(), has_dictionary);
  if (found == places.end()) return std::nullopt;
  return *found;
}

WordNet::WordNet(const fs::path& dict)
    : folder_(!has_dictionary(dict) && has_dictionary(dict / "dict") ? dict / "dict" : dict) {
  for (std::size_t i = 0; i < kPartsOfSpeech; ++i) {
    const std::string suffix = kSuffixes[i];
    parts_[i].index = MappedFile(folder_ / ("index." + suffix));
    parts_[i].data = MappedFile(folder_ / ("data." + suffix));
    parts_[i].exceptions = MappedFile(folder_ / (suffix + ".exc"));
    load_index(parts_[i]);
    load_exceptions(parts_[i]);
  }
  version_ = version_in(text_of(parts_[0].index));
}

std::optional<std::string> WordNet::note() const {
  if (version_ == kReferenceVersion) return std::nullopt;
  return fmt::format(
      "WordNet in {} is {}, not the version {} that published METEOR values were computed with: METEOR may "
      "differ by some 1e-4",
      display_path(folder_), version_.empty() ? "of no named version" : "version " + version_,
      kReferenceVersion);
}

void WordNet::load_index(Part& part) {
  const std::string_view text = text_of(part.index);
  LPMC_REQUIRE(text.size() <= std::uint32_t{0xFFFFFFFF}, unsupported,
               "{}: expected less than 4 GiB, found {} bytes", display_path(part.index.path()), text.size());
  std::string_view last;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t end = std::min(text.find('\n', offset), text.size());
    const std::string_view line = text.substr(offset, end - offset);
    if (!is_licence(line)) {
      const std::string_view lemma = line.substr(0, line.find(' '));
      // Words are found by bisection, so a file out of order would lose words without a sound.
      if (lemma.empty() || lemma <= last) {
        fail_at(part.index, offset,
                "expected a word after the one of the line before, in the order of bytes");
      }
      last = lemma;
      longest_lemma_ = std::max(longest_lemma_, lemma.size());
      part.lines.push_back(static_cast<std::uint32_t>(offset));
    }
    offset = end + 1;
  }
  LPMC_REQUIRE(!part.lines.empty(), corrupt, "{}: expected an index of words, found none",
               display_path(part.index.path()));
}

void WordNet::load_exceptions(Part& part) {
  const std::string_view text = text_of(part.exceptions);
  for (std::size_t offset = 0; offset < text.size();) {
    std::string_view line = line_at(text, offset);
    const std::string_view form = take_field(line);
    if (!form.empty()) part.irregular.insert_or_assign(form, line);
    offset = std::min(text.find('\n', offset), text.size()) + 1;
  }
}

std::string_view WordNet::find_lemma(const Part& part, std::string_view lemma) const {
  if (lemma.empty() || lemma.size() > longest_lemma_) return {};
  const std::string_view text = text_of(part.index);
  const auto lemma_at = [&](std::uint32_t offset) {
    const std::string_view rest = text.substr(offset, longest_lemma_ + 1);
    return rest.substr(0, rest.find(' '));
  };
  const auto found = std::lower_bound(
      part.lines.begin(), part.lines.end(), lemma,
      [&](std::uint32_t offset, std::string_view wanted) { return lemma_at(offset) < wanted; });
  if (found == part.lines.end() || lemma_at(*found) != lemma) return {};
  return line_at(text, *found).substr(lemma.size());
}

std::vector<std::string> WordNet::base_forms(std::string_view word, PartOfSpeech part_of_speech) const {
  const Part& part = parts_[static_cast<std::size_t>(part_of_speech)];
  std::vector<std::string> found;
  const auto add_listed = [&](std::string form) {
    if (!find_lemma(part, form).empty() && std::find(found.begin(), found.end(), form) == found.end())
      found.push_back(std::move(form));
  };
  const auto add_all_listed = [&](std::span<const Form> forms) {
    for (const Form& form : forms) {
      if (form.size() <= longest_lemma_) add_listed(form.text());
    }
  };
  if (word.size() <= longest_lemma_) add_listed(std::string(word));
  if (const auto irregular = part.irregular.find(word); irregular != part.irregular.end()) {
    std::string_view forms = irregular->second;
    for (std::string_view form = take_field(forms); !form.empty(); form = take_field(forms))
      add_listed(std::string(form));
    return found;
  }
  const std::span<const Rule> rules = rules_of(part_of_speech);
  const Form whole{word, ""};
  std::vector<Form> forms = apply_rules(std::span(&whole, 1), rules);
  add_all_listed(forms);
  while (found.empty() && !forms.empty()) {
    forms = apply_rules(forms, rules);
    add_all_listed(forms);
  }
  return found;
}

void WordNet::add_synset(const Part& part, std::size_t offset, std::vector<std::string>& members) const {
  const std::string_view text = text_of(part.data);
  if (offset >= text.size() || (offset > 0 && text[offset - 1] != '\n')) {
    fail(ErrorKind::corrupt, "{}: expected a synonym set at byte {}, found none",
         display_path(part.data.path()), offset);
  }
  std::string_view line = line_at(text, offset);
  const bool in_place = to_number(take_field(line), 10) == offset;
  take_field(line);  // the lexicographer's file
  take_field(line);  // the kind
  const std::optional<std::size_t> count = to_number(take_field(line), 16);
  if (!in_place || !count || *count == 0) {
    fail_at(part.data, offset, fmt::format("expected a synonym set of offset {:08} with members", offset));
  }
  for (std::size_t i = 0; i < *count; ++i) {
    const std::string_view member = take_field(line);
    if (take_field(line).empty()) {
      fail_at(part.data, offset, fmt::format("expected {} members, found {}", *count, i));
    }
    if (member.find('_') == std::string_view::npos) members.emplace_back(without_position_mark(member));
  }
}

void WordNet::add_members(const Part& part, std::string_view index_line,
                          std::vector<std::string>& members) const {
  const auto offset_of_line = [&] {
    return static_cast<std::size_t>(index_line.data() - text_of(part.index).data());
  };
  std::string_view fields = index_line;
  take_field(fields);  // the part of speech
  const std::optional<std::size_t> count = to_number(take_field(fields), 10);
  if (!count || *count == 0) fail_at(part.index, offset_of_line(), "expected the number of synonym sets");
  for (std::size_t i = 0; i < *count; ++i) {
    const std::string_view field = take_last_field(fields);
    const std::optional<std::size_t> offset = to_number(field, 10);
    if (!offset || field.size() != kOffsetDigits) {
      fail_at(part.index, offset_of_line(),
              fmt::format("expected {} offsets of synonym sets, found {}", *count, i));
    }
    add_synset(part, *offset, members);
  }
}

std::vector<std::string> WordNet::synonyms(std::string_view word) const {
  std::vector<std::string> members{std::string(word)};
  for (std::size_t i = 0; i < kPartsOfSpeech; ++i) {
    for (const std::string& form : base_forms(word, static_cast<PartOfSpeech>(i)))
      add_members(parts_[i], find_lemma(parts_[i], form), members);
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

}  // namespace lpmc
