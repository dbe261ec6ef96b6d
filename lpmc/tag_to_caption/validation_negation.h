#pragma once

#include <span>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {

/// Sets Word::negated: what "no", "without", "not", "lacks", "absence of" and the like speak of, and what is
/// said to be "absent" or "not present". "not only", "no doubt" and such negate nothing.
void mark_negations(std::span<Word> words);

/// Sets Word::proposal in sentences that say what the music could be used for.
void mark_proposals(std::span<Word> words);

}  // namespace lpmc
