// Caption, query, tags (one a line) and finish reason, one after another with a 0xFF byte between. Validation
// takes any bytes: nothing may throw, every tag is missing or counted, and the report is JSON.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/validation.h"

namespace {

std::string_view take_part(std::string_view& input, char end_mark) {
  const std::size_t end = input.find(end_mark);
  const std::string_view part = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return part;
}

void check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(static_cast<const char*>(static_cast<const void*>(data)), size);
  const std::string_view caption = take_part(input, '\xFF');
  const std::string_view query = take_part(input, '\xFF');
  std::string_view lines = take_part(input, '\xFF');
  std::vector<std::string> tags;
  while (!lines.empty() && tags.size() < 50)
    tags.emplace_back(take_part(lines, '\n'));

  static const lpmc::MusicVocabulary common;
  const lpmc::WordKnowledge words;
  const lpmc::ValidationReport report =
      lpmc::validate_caption({caption, query, input, "summary", tags}, {.allow_added = false}, common, words);
  check(report.coverage >= 0 && report.coverage <= 1 && report.missing.size() <= tags.size());
  const nlohmann::json json = nlohmann::json::parse(report.to_json());
  check(json.at("flaws").size() == report.flaws.size());
  check(lpmc::is_valid_utf8(lpmc::repair_query(lpmc::replace_invalid_utf8(query), caption, report)));
  (void)lpmc::MusicVocabulary(tags).find(caption);

  lpmc::DuplicateIndex index;
  (void)index.add(caption, 0.9);
  check(index.add(caption, 0.9) == lpmc::DuplicateIndex::Match::equal);
  return 0;
}
