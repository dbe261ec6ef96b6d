#pragma once

#include <span>
#include <string>
#include <vector>

#include "lpmc/tag_to_caption/validation_coverage.h"

namespace lpmc {

/// What a caption says against the tags or against itself, as "instrumental / female vocal". Reported are
/// only things that cannot both be: voice and none, fast and slow tempo, a man's voice where the tags have a
/// woman's, opposite moods and qualities, an acoustic guitar that became electric, "no X" and X. Changes that
/// the caption tells of ("starts slow, then fast"), proposals ("could be sung") and what the tags themselves
/// have both of are none.
std::vector<std::string> find_contradictions(std::span<const Word> caption, std::span<const TagWords> tags,
                                             const WordKnowledge& knowledge);

}  // namespace lpmc
