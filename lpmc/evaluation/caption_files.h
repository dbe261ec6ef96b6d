#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

/// Predictions and references of a file, in its order. Shapes, told by content:
///   - JSON list of {"prediction", "ground_truth"};
///   - JSON object of {"predictions", "true_captions", "audio_id"} by key, or one such object of lists;
///   - JSONL of either record; CSV with these columns.
/// References stand under "ground_truth(s)", "true_caption(s)" or "reference(s)": a string, a list of
/// several, or columns that are numbered ("reference_2"; empty cells there are none). An id stands under
/// "audio_id", "id" or "ytid", an audio file under "audio".
/// @throws Error(not_found, io) when it cannot be read; Error(corrupt) naming file, line or entry, key,
/// expected, found: a pair without a side, unequal lists, an id twice, no pair at all
std::vector<ClipCaptions> read_captions(const std::filesystem::path& file);
/// The same from a text; `name` stands in messages.
std::vector<ClipCaptions> parse_captions(std::string_view text, std::string_view name);

/// `others` in the order of `clips`: by id where both have ids, else by position, where references must be
/// equal.
/// @throws Error(invalid_argument) naming the first clip that has no partner
std::vector<ClipCaptions> match_clips(std::span<const ClipCaptions> clips, std::vector<ClipCaptions> others,
                                      std::string_view name, std::string_view others_name);

/// A whole file, a pipe too.   @throws Error(not_found, io)
std::string read_text_file(const std::filesystem::path& file);

}  // namespace lpmc
