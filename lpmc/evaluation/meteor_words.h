#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/evaluation/wordnet.h"

namespace lpmc {

/// Every word that METEOR has met, once, with its stem and synonyms; these are looked up when first asked
/// for. Two words are the same where their addresses are. Usable from many threads at once.
class MeteorWords {
 public:
  class Word;

  explicit MeteorWords(const WordNet& wordnet) : wordnet_(wordnet) {}

  const Word& find(std::string_view lower_case_word);
  const Word& stem(const Word& word);
  /// @throws Error(corrupt) of WordNet's files
  std::span<const Word* const> synonyms(const Word& word);

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string_view, std::unique_ptr<Word>> words;  // a key is its word's text
  };

  const WordNet& wordnet_;
  std::array<Shard, 64> shards_;
};

class MeteorWords::Word {
 public:
  explicit Word(std::string_view text) : text_(text) {}
  const std::string& text() const { return text_; }

 private:
  friend class MeteorWords;

  std::string text_;
  mutable std::once_flag stem_once_;
  mutable const Word* stem_ = nullptr;
  mutable std::once_flag synonyms_once_;
  mutable std::vector<const Word*> synonyms_;
};

}  // namespace lpmc
