#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {

/// Words and phrases that name musical attributes, from tag lists; attributes of a caption are looked for
/// among them.
class MusicVocabulary {
 public:
  /// Tags that are everyday words when they stand alone ("old", "light", "water") are left out: in a sentence
  /// they name no attribute as a rule. Negations ("no drums") too: a caption's own negations are read
  /// instead.
  explicit MusicVocabulary(std::span<const std::string> tags);
  MusicVocabulary();  ///< the built-in list of common musical terms

  /// Longest matches in the caption, in order, each once.
  std::vector<std::string> find(std::string_view caption) const;

  /// Where a phrase stands in a caption.
  struct Hit {
    std::size_t first, count;  ///< words
    std::string_view phrase;   ///< as in the tag list, lower case; lives as long as the vocabulary
  };
  /// The same with places, repetitions too.
  std::vector<Hit> find_hits(std::span<const Word> caption) const;

  std::size_t size() const { return size_; }

 private:
  struct Phrase {
    std::vector<std::string> lemmas;
    std::string text;
  };
  void add(std::string_view tag);
  void sort();

  std::unordered_map<std::string, std::vector<Phrase>> by_first_lemma_;  // longest phrases first
  std::size_t size_ = 0;
};

/// The built-in list: one term a line.
std::string_view common_music_terms();

}  // namespace lpmc
