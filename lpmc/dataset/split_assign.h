#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/dataset/manifest.h"

namespace lpmc {

/// What never stands in two splits.
enum class SplitBy { id, track, artist };

/// "id", "track", "artist".
/// @throws Error(invalid_argument) listing the names
SplitBy parse_split_by(std::string_view name);

struct SplitOptions {
  double valid = 0.1;  ///< share of the records
  double test = 0.1;
  std::string by = "track";
  std::int64_t seed = 0;
};

template <class Field>
void visit(SplitOptions& o, Field&& field) {
  field("valid", o.valid, "share of the records for validation");
  field("test", o.test, "share of the records for the test");
  field("by", o.by, "what stays together: id, track (clips of one recording) or artist");
  field("seed", o.seed, "another number gives another split");
}

/// Sets the split of each record: whole groups (tracks, artists), in an order drawn from the seed, go to
/// test, then to valid, until these come nearest to their shares; the rest is train. The order depends on the
/// groups' names and the seed alone. A record without an artist is a group by its track.
/// @throws Error(invalid_argument) for shares out of [0, 1) or over 1 together, or when there are too few
/// groups for each split to get one
void assign_splits(std::span<ManifestRecord> records, const SplitOptions& options);

}  // namespace lpmc
