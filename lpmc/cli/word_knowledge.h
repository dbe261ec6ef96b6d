#pragma once

#include <memory>
#include <string>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc::cli {

/// What WordNet knows of words, for the coverage of tags: base forms ("sang" -> "sing") and synonyms ("glad",
/// "happy"). The functions keep what they need alive, remember what they looked up, and may be called from
/// many threads.
/// @param wordnet the dictionary's folder; "" = as installed; where it is not, both functions are empty
/// @throws Error(not_found, corrupt) of a folder that was named
WordKnowledge word_knowledge(const std::string& wordnet);

}  // namespace lpmc::cli
