#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// The captions a model was trained on, in the file's order: JSON (a list or an object of strings or
/// records), JSONL or CSV. A record's text stands under "caption", "ground_truth", "true_captions", "text" or
/// "captions" (a list, or an object by task: all of them). Records of another "split" than the asked-for one
/// are left out; so are rows of MusicCaps' own file with is_audioset_eval True ("train" is False there).
/// @throws Error(not_found, io, corrupt) naming file, line or entry, expected, found; Error(corrupt) when no
/// caption is left
std::vector<std::string> read_train_captions(const std::filesystem::path& file,
                                             std::string_view split = "train");
/// The same from a text; `name` stands in messages.
std::vector<std::string> parse_train_captions(std::string_view text, std::string_view name,
                                              std::string_view split = "train");

}  // namespace lpmc
