#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lpmc {

/// Tokens and their ids, both ways. Ids are 0, 1, ..., size() - 1.
class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  // Moving keeps the strings where they are; a copy's keys would look into the original.
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  /// Reads a vocab.json: one object of token to id.
  /// @param where names the file in errors
  /// @throws Error(corrupt) when it is not an object of unique strings to unique whole numbers from
  /// 0 without a hole, when a token has a character outside the byte alphabet, or one of its 256
  /// characters or of BART's special tokens is missing
  static Vocabulary from_json(std::string_view json, std::string_view where);

  std::size_t size() const { return tokens_.size(); }
  /// @pre 0 <= id < size()
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  /// The id of a token; nothing when there is no such token.
  std::optional<std::int32_t> id(std::string_view token) const;

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, std::int32_t> ids_;  // keys are views of tokens_
};

/// BART's special tokens, in the order of the usual ids 0 to 3, then the mask.
inline constexpr std::string_view kSpecialTokens[] = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};

}  // namespace lpmc
