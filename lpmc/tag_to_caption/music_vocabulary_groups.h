#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>

namespace lpmc {

inline constexpr std::size_t kMaxGroups = 160;
/// Sets of words that mean the same in descriptions of music; one bit a set.
using GroupSet = std::bitset<kMaxGroups>;

/// The sets that rules speak of; the table in music_vocabulary_groups.cpp begins with them, in this order.
enum class Group : std::size_t {
  voice,
  female,
  male,
  instrumental,
  fast,
  slow,
  medium,
  tempo,
  low,
  high,
  quality,
  happy,
  sad,
  major,
  minor,
  mono,
  stereo,
  loud,
  quiet,
  calm,
  aggressive,
  acoustic,
  electric,
  solo,
  lyrics,
};

struct WordGroups {
  GroupSet same;     ///< sets the word is in
  GroupSet implied;  ///< the same, and the sets that it is a kind of
};

/// The sets of a word in lower case or of its lemma.
const WordGroups& groups_of(std::string_view text, std::string_view lemma);

inline bool has(const GroupSet& set, Group group) {
  return set[static_cast<std::size_t>(group)];
}

}  // namespace lpmc
