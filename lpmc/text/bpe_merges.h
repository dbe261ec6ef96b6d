#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/text/vocabulary.h"

namespace lpmc {

/// The merges of byte-pair encoding: which two neighbouring tokens become one, and which of several
/// possible merges comes first.
class BpeMerges {
 public:
  BpeMerges() = default;
  /// Reads a merges.txt: a first line that is skipped whatever it says, then "left right" a line,
  /// the most important merge first. As the reference does, what follows the last newline is not
  /// read (a file without a final newline loses its last merge); \r\n and \r are newlines too;
  /// empty lines are nothing.
  /// @param where names the file in errors
  /// @throws Error(corrupt) with the line's number when it is not two tokens, the tokens or their
  /// concatenation are not in the vocabulary, or the merge was there before
  BpeMerges(std::string_view text, const Vocabulary& vocabulary, std::string_view where);

  std::size_t size() const { return merges_.size(); }

  /// Merges the tokens of one word in place: all occurrences of the most important pair from left
  /// to right, then the most important pair of the result, and so on until no pair has a merge.
  /// Time O(n log n).
  void apply(std::vector<std::int32_t>& tokens) const;

 private:
  struct Merge {
    std::int32_t rank;    // its place in the file
    std::int32_t merged;  // the token that the pair becomes
  };
  static std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
           static_cast<std::uint32_t>(right);
  }
  const Merge* find(std::int32_t left, std::int32_t right) const {
    const auto found = merges_.find(pair_key(left, right));
    return found == merges_.end() ? nullptr : &found->second;
  }
  void add_line(std::string_view line, const Vocabulary& vocabulary, std::string_view where,
                std::size_t line_number);

  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace lpmc
