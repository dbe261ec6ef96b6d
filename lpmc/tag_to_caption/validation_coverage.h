#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {

/// A tag as words: read once for a caption.
struct TagWords {
  std::string_view text;
  std::vector<Word> all;
  std::vector<Word> content;  ///< content_words() of `all`
};
std::vector<TagWords> read_tags(std::span<const std::string> tags, const WordKnowledge& knowledge);

/// Whether the caption expresses the tag: all its content words (of four or more, all but one), or words that
/// stand for them, near one another, negated where the tag is; or a musical equivalent: "no voice" is
/// "instrumental".
bool is_expressed(const TagWords& tag, std::span<const Word> caption, const WordKnowledge& knowledge);

/// Whether the tags entail what one word of a caption says: then it is no addition of the caption's.
bool is_given(const Word& said, std::span<const TagWords> tags, const WordKnowledge& knowledge);

}  // namespace lpmc
