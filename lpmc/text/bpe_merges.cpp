#include "lpmc/text/bpe_merges.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/text/byte_alphabet.h"

namespace lpmc {
namespace {

/// str.split(): the parts between runs of white space.
std::vector<std::string_view> split_at_space(std::string_view line) {
  std::vector<std::string_view> parts;
  std::string_view rest = line;
  const char* begin = nullptr;  // of the part in work
  while (!rest.empty()) {
    const char* here = rest.data();
    if (is_python_space(take_character(rest))) {
      if (begin != nullptr) parts.emplace_back(begin, static_cast<std::size_t>(here - begin));
      begin = nullptr;
    } else if (begin == nullptr) {
      begin = here;
    }
  }
  if (begin != nullptr) parts.emplace_back(begin, static_cast<std::size_t>(rest.data() - begin));
  return parts;
}

/// Takes a line and its newline (\n, \r\n or \r) off `text`; nothing when no newline is left.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find_first_of("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  return line;
}

}  // namespace

BpeMerges::BpeMerges(std::string_view text, const Vocabulary& vocabulary, std::string_view where) {
  LPMC_REQUIRE(is_valid_utf8(text), corrupt, "{}: expected UTF-8, found other bytes", where);
  merges_.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
  (void)take_line(text);
  for (std::size_t line_number = 2; const std::optional<std::string_view> line = take_line(text);
       ++line_number) {
    add_line(*line, vocabulary, where, line_number);
  }
}

void BpeMerges::add_line(std::string_view line, const Vocabulary& vocabulary, std::string_view where,
                         std::size_t line_number) {
  const std::vector<std::string_view> parts = split_at_space(line);
  if (parts.empty()) return;
  LPMC_REQUIRE(parts.size() == 2, corrupt, "{}: line {}: expected two tokens, found {}", where, line_number,
               parts.size());
  const auto id_of = [&](const std::string& token) {
    const std::optional<std::int32_t> id = vocabulary.id(token);
    LPMC_REQUIRE(id.has_value(), corrupt, "{}: line {}: expected tokens of the vocabulary, found \"{}\"",
                 where, line_number, display_path(token.substr(0, 60)));
    return *id;
  };
  const std::int32_t left = id_of(std::string(parts[0]));
  const std::int32_t right = id_of(std::string(parts[1]));
  const Merge merge{static_cast<std::int32_t>(merges_.size()),
                    id_of(std::string(parts[0]) + std::string(parts[1]))};
  const bool is_new = merges_.emplace(pair_key(left, right), merge).second;
  LPMC_REQUIRE(is_new, corrupt, "{}: line {}: expected each merge once, found \"{} {}\" again", where,
               line_number, parts[0], parts[1]);
}

void BpeMerges::apply(std::vector<std::int32_t>& tokens) const {
  constexpr std::int32_t kNone = -1;
  const auto size = static_cast<std::int32_t>(tokens.size());
  if (size < 2) return;
  // A linked list over positions. A merged token stands at its first position; the position of the
  // second is dead (kNone).
  std::vector<std::int32_t> previous(tokens.size()), next(tokens.size());
  for (std::int32_t i = 0; i < size; ++i) {
    previous[static_cast<std::size_t>(i)] = i - 1;
    next[static_cast<std::size_t>(i)] = i + 1 < size ? i + 1 : kNone;
  }
  using Candidate = std::pair<std::int32_t, std::int32_t>;  // rank, position of the left token
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto merge_at = [&](std::int32_t position) -> const Merge* {
    const auto left = static_cast<std::size_t>(position);
    if (tokens[left] == kNone || next[left] == kNone) return nullptr;
    return find(tokens[left], tokens[static_cast<std::size_t>(next[left])]);
  };
  const auto offer = [&](std::int32_t position) {
    if (const Merge* merge = merge_at(position)) candidates.emplace(merge->rank, position);
  };
  for (std::int32_t i = 0; i + 1 < size; ++i)
    offer(i);

  // One pass merges the occurrences of one pair that were there when it began. A pair that the pass
  // makes waits for the next one even if it is more important: so the reference does it.
  std::vector<std::int32_t> pass;
  while (!candidates.empty()) {
    const std::int32_t rank = candidates.top().first;
    pass.clear();
    for (; !candidates.empty() && candidates.top().first == rank; candidates.pop()) {
      pass.push_back(candidates.top().second);
    }
    for (const std::int32_t position : pass) {
      const Merge* merge = merge_at(position);
      if (merge == nullptr || merge->rank != rank) continue;  // a neighbour was merged since
      const auto left = static_cast<std::size_t>(position);
      const auto right = static_cast<std::size_t>(next[left]);
      tokens[left] = merge->merged;
      tokens[right] = kNone;
      next[left] = next[right];
      if (next[left] != kNone) previous[static_cast<std::size_t>(next[left])] = position;
      if (previous[left] != kNone) offer(previous[left]);
      offer(position);
    }
  }
  std::erase(tokens, kNone);
}

}  // namespace lpmc
