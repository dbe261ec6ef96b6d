#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/tag_to_caption/duplicates.h"
#include "lpmc/tag_to_caption/music_vocabulary.h"
#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {

enum class Flaw : std::uint32_t {
  missing_tags,      ///< coverage under the asked-for share
  added_attributes,  ///< attributes that were not given (allowed for paraphrase and attribute_prediction)
  contradiction,   ///< instrumental / vocals, fast / slow, male / female, acoustic / electronic, "no X" / X,
                   ///< ...
  refusal,         ///< "I'm sorry", "As an AI language model"
  boilerplate,     ///< "Here is a song description:", "Title:", markdown
  prompt_echo,     ///< repeats the instruction
  wrong_language,  ///< not English by letters and function words
  too_short,
  too_long,
  names,      ///< artist or album names (summary)
  duplicate,  ///< equal to another caption of the data set
  near_duplicate,
  cut_off,  ///< finish reason length or content_filter, or an end that ends no sentence
};
std::string_view to_string(Flaw flaw);

struct ValidationReport {
  double coverage = 0;                      ///< share of the given tags that the caption expresses, 0 to 1
  std::vector<std::string> missing, added;  ///< tags; attributes
  std::vector<std::string> contradictions;  ///< "instrumental / female vocal"
  std::vector<Flaw> flaws;
  bool ok() const { return flaws.empty(); }
  /// {"coverage": 0.9, "missing": [...], "added": [...], "contradictions": [...], "flaws": ["missing_tags",
  /// ...]}
  std::string to_json() const;
};

struct ValidationOptions {
  double min_coverage = 0.5;
  int max_added = 0;  ///< attributes not given that are let pass where allow_added is false
  int min_words = 3;
  int max_words = 120;
  double near_duplicate = 0.9;  ///< Jaccard similarity of word 3-grams, estimated by MinHash
  bool allow_added = true;      ///< set by task: false for writing and summary
};

template <class Field>
void visit(ValidationOptions& o, Field&& field) {
  field("min-coverage", o.min_coverage, "least share of the given tags that a caption must express, 0 to 1");
  field("max-added", o.max_added, "most attributes beyond the given ones, where the task allows none");
  field("min-words", o.min_words, "fewest words of a caption");
  field("max-words", o.max_words, "most words of a caption");
  field("near-duplicate", o.near_duplicate, "similarity from which two captions are near duplicates, 0 to 1");
}

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const ValidationOptions& options);

struct CaptionToCheck {
  std::string_view caption, query, finish_reason, prompt_id;
  std::span<const std::string> tags;
};

/// Judges captions one by one; duplicates only in the DuplicateIndex. Any bytes are taken; safe on many
/// threads.
ValidationReport validate_caption(const CaptionToCheck& item, const ValidationOptions& options,
                                  const MusicVocabulary& vocabulary, const WordKnowledge& words);

/// The message that asks for a better answer: what was wrong, the query again.
std::string repair_query(std::string_view query, std::string_view answer, const ValidationReport& report);

}  // namespace lpmc
