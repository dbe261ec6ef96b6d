#include "lpmc/tag_to_caption/validation.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/contradictions.h"
#include "lpmc/tag_to_caption/validation_coverage.h"
#include "lpmc/tag_to_caption/validation_text.h"

namespace lpmc {
namespace {

constexpr std::array<std::string_view, 13> kFlawNames = {
    "missing_tags", "added_attributes", "contradiction", "refusal",  "boilerplate",
    "prompt_echo",  "wrong_language",   "too_short",     "too_long", "names",
    "duplicate",    "near_duplicate",   "cut_off"};

constexpr std::size_t kMaxJudgedWords = 2000;  // a caption beyond is too long anyway; time stays bounded
constexpr std::size_t kMaxJudgedBytes = 20000;
constexpr std::size_t kMaxJudgedTags = 200;

/// Attributes of the caption that the tags do not entail, each once, "no X" where the caption denies X.
std::vector<std::string> find_added(std::span<const Word> caption, std::span<const TagWords> tags,
                                    const MusicVocabulary& vocabulary, const WordKnowledge& words) {
  std::vector<std::string> added;
  for (const MusicVocabulary::Hit& hit : vocabulary.find_hits(caption)) {
    if (caption[hit.first].proposal) continue;
    const std::vector<Word> said = content_words(caption.subspan(hit.first, hit.count));
    const auto given = [&](const Word& word) { return word.function || is_given(word, tags, words); };
    if (std::all_of(said.begin(), said.end(), given)) continue;
    std::string name(hit.phrase);
    if (said.back().negated) name.insert(0, "no ");
    if (std::find(added.begin(), added.end(), name) == added.end()) added.push_back(std::move(name));
  }
  return added;
}

/// Flaws of the text itself, whatever the tags.
void judge_text(const CaptionToCheck& item, const ValidationOptions& options, std::span<const Word> words,
                std::vector<Flaw>& flaws) {
  const std::string_view caption = item.caption.substr(0, kMaxJudgedBytes);
  const auto add = [&](bool found, Flaw flaw) {
    if (found) flaws.push_back(flaw);
  };
  add(is_refusal(caption), Flaw::refusal);
  add(has_boilerplate(caption), Flaw::boilerplate);
  add(echoes_prompt(words, item.query.substr(0, kMaxJudgedBytes), item.tags), Flaw::prompt_echo);
  add(is_foreign(caption, words), Flaw::wrong_language);
  add(static_cast<long>(words.size()) < options.min_words, Flaw::too_short);
  add(static_cast<long>(words.size()) > options.max_words || item.caption.size() > kMaxJudgedBytes,
      Flaw::too_long);
  add(item.prompt_id == "summary" && has_names(caption, item.tags), Flaw::names);
  add(is_cut_off(caption, item.finish_reason, words), Flaw::cut_off);
}

/// One sentence for each flaw that a second try can mend.
std::string complaint(Flaw flaw, const ValidationReport& report) {
  switch (flaw) {
    case Flaw::missing_tags:
      return fmt::format("It does not express: {}.", fmt::join(report.missing, ", "));
    case Flaw::added_attributes:
      return fmt::format("It names attributes that were not given: {}. Leave them out.",
                         fmt::join(report.added, ", "));
    case Flaw::contradiction:
      return fmt::format("It contradicts itself or the attributes: {}.",
                         fmt::join(report.contradictions, "; "));
    case Flaw::refusal:
      return "It is a refusal. The attributes are harmless descriptions of music.";
    case Flaw::boilerplate:
      return "It holds more than the description. Write the description alone, without title, "
             "introduction or formatting.";
    case Flaw::prompt_echo:
      return "It repeats the instruction. Write the description alone.";
    case Flaw::wrong_language:
      return "It is not in English.";
    case Flaw::too_short:
      return "It is too short.";
    case Flaw::too_long:
      return "It is too long.";
    case Flaw::names:
      return "It holds the name of an artist or album.";
    case Flaw::duplicate:
    case Flaw::near_duplicate:
      return "It is the same as another song's description. Word it differently.";
    case Flaw::cut_off:
      return "It breaks off. Write a shorter, complete sentence.";
  }
  return {};
}

}  // namespace

std::string_view to_string(Flaw flaw) {
  return kFlawNames.at(static_cast<std::size_t>(flaw));
}

std::string ValidationReport::to_json() const {
  nlohmann::ordered_json json;
  json["coverage"] = coverage;
  json["missing"] = missing;
  json["added"] = added;
  json["contradictions"] = contradictions;
  json["flaws"] = nlohmann::ordered_json::array();
  for (const Flaw flaw : flaws)
    json["flaws"].push_back(to_string(flaw));
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void validate(const ValidationOptions& options) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  LPMC_REQUIRE(share(options.min_coverage), invalid_argument, "min-coverage: expected 0 to 1, found {}",
               options.min_coverage);
  LPMC_REQUIRE(share(options.near_duplicate), invalid_argument, "near-duplicate: expected 0 to 1, found {}",
               options.near_duplicate);
  LPMC_REQUIRE(options.max_added >= 0, invalid_argument, "max-added: expected 0 or more, found {}",
               options.max_added);
  LPMC_REQUIRE(options.min_words >= 0 && options.max_words >= options.min_words, invalid_argument,
               "min-words, max-words: expected 0 <= min <= max, found {} and {}", options.min_words,
               options.max_words);
}

ValidationReport validate_caption(const CaptionToCheck& item, const ValidationOptions& options,
                                  const MusicVocabulary& vocabulary, const WordKnowledge& words) {
  ValidationReport report;
  std::vector<Word> caption = read_words(item.caption.substr(0, kMaxJudgedBytes), words);
  if (caption.size() > kMaxJudgedWords) caption.resize(kMaxJudgedWords);
  const std::vector<TagWords> tags =
      read_tags(item.tags.first(std::min(item.tags.size(), kMaxJudgedTags)), words);

  for (const TagWords& tag : tags) {
    if (!is_expressed(tag, caption, words)) report.missing.emplace_back(tag.text);
  }
  const std::size_t expressed = tags.size() - report.missing.size();
  report.coverage = tags.empty() ? 1 : static_cast<double>(expressed) / static_cast<double>(tags.size());
  report.added = find_added(caption, tags, vocabulary, words);
  report.contradictions = find_contradictions(caption, tags, words);

  if (report.coverage < options.min_coverage) report.flaws.push_back(Flaw::missing_tags);
  if (!options.allow_added && static_cast<long>(report.added.size()) > options.max_added) {
    report.flaws.push_back(Flaw::added_attributes);
  }
  if (!report.contradictions.empty()) report.flaws.push_back(Flaw::contradiction);
  judge_text(item, options, caption, report.flaws);
  return report;
}

std::string repair_query(std::string_view query, std::string_view answer, const ValidationReport& report) {
  constexpr std::size_t kQuoted = 2000;  // bytes of the answer; a runaway answer must not come back whole
  std::string complaints;
  for (const Flaw flaw : report.flaws)
    complaints += fmt::format("\n- {}", complaint(flaw, report));
  const std::string message = fmt::format(
      "{}\n\nAn earlier answer was:\n{}\n\nWhat was wrong with it:{}\n\nWrite a better answer, and nothing "
      "else.",
      query, answer.substr(0, kQuoted), complaints);
  return replace_invalid_utf8(message);  // the cut above may part a character
}

}  // namespace lpmc
