#pragma once

// Captions and tags as words: what coverage, contradictions and the vocabulary compare.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/tag_to_caption/music_vocabulary_groups.h"

namespace lpmc {

/// What validation needs to know of words, handed in so that this folder needs no dictionary of its own:
/// lemmas of a lower-case word ("guitars" -> "guitar"), and whether two lemmas are synonyms (WordNet).
struct WordKnowledge {
  std::function<std::vector<std::string>(std::string_view)>
      lemmas;  ///< empty function: a plain suffix stripper
  std::function<bool(std::string_view, std::string_view)>
      are_synonyms;  ///< empty function: only equal lemmas
};

/// One word of a caption or tag.
struct Word {
  std::string text;                 ///< lower case, Latin letters without accents
  std::string lemma;                ///< without plural ending
  std::string stem;                 ///< without endings of derivation: "melodic" and "melody" have one stem
  std::vector<std::string> lemmas;  ///< from WordKnowledge; empty without it
  GroupSet groups;                  ///< sets of words that mean the same to a musician
  GroupSet implied;                 ///< groups and what they are kinds of: "violin" implies strings
  int position = 0;                 ///< counts words; jumps at the end of a sentence
  int sentence = 0;
  bool negated = false;      ///< "no drums", "without any vocals"
  bool function = false;     ///< the, of, with, is, ...
  bool proposal = false;     ///< in a sentence like "this could be used in a soundtrack"
  bool ends_clause = false;  ///< a comma, colon, bracket or the end of the sentence follows
};

/// Cuts `text` into words (hyphens part them; "hip-hop", "up-tempo" and the like are one word) and reads
/// negations. Any bytes are taken.
std::vector<Word> read_words(std::string_view text, const WordKnowledge& knowledge);

/// "melodies" -> "melody", "drums" -> "drum", "bass" -> "bass".
std::string plain_lemma(std::string_view word);
/// What words of one family share; a plain lemma goes in.
std::string plain_stem(std::string_view lemma);

/// Whether who reads `evidence` may say `wanted`: the same word, family, group, a kind of it, or a synonym.
/// Negation is not looked at.
bool expresses(const Word& evidence, const Word& wanted, const WordKnowledge& knowledge);

/// The words of a tag that a caption must express: no function words, and words that every tag could have
/// ("music", "sound", "style") only where nothing else is left.
std::vector<Word> content_words(std::span<const Word> tag);

}  // namespace lpmc
