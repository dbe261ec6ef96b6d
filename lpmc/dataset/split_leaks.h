#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/dataset/manifest.h"

namespace lpmc {

/// Why records of two splits are no strangers.
enum class LeakKind {
  id,     ///< the same id
  track,  ///< clips of one recording (track_of)
  audio,  ///< the same samples under two ids
};

/// "id", "track", "audio".
std::string_view to_string(LeakKind kind);

/// Records that belong together and stand in more than one split.
struct Leak {
  LeakKind kind = LeakKind::id;
  std::vector<std::size_t> records;  ///< indices, in order
};

/// Finds what two splits share. Records without a split are left out.
/// @param contents what each record's audio is, equal for equal samples, nothing where it is not known; empty
/// = not looked at
/// @return of each kind the leaks in the order of their first records; what shares an id is not told again as
/// a track, nor a track's clips as audio
std::vector<Leak> find_leaks(std::span<const ManifestRecord> records,
                             std::span<const std::optional<std::uint64_t>> contents);

}  // namespace lpmc
