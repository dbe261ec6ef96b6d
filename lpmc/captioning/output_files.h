#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/captioning/input_files.h"

namespace lpmc {

// Where the captions of many files go: a file for each input, beside it or in a folder that mirrors
// the inputs' tree.
//
//   OutputPlace place{.extension = "txt"};
//   const std::vector<PlannedOutput> plan = plan_outputs(inputs, place);  // all that can be refused is, now
//   ...
//   write_output(plan[i], caption_document(captions, CaptionFormat::text, {}), place);
//
// A file that is there already is replaced only when lpmc wrote it for the same input and nobody
// edited it since, as the hidden ledger in its folder tells (sidecar_ledger.h), or with `overwrite`.

struct OutputPlace {
  std::optional<std::filesystem::path> folder = std::nullopt;  ///< unset: beside each input
  std::string extension;                                       ///< of the outputs, without the dot
  bool overwrite = false;      ///< replace whatever file is there, but never an input
  bool skip_existing = false;  ///< leave inputs alone whose output is there
};

/// What becomes of one input.
struct PlannedOutput {
  std::filesystem::path target;    ///< song.EXT beside song.mp3, or folder/relative.EXT
  std::string source;              ///< the input's name in the ledger
  bool skip = false;               ///< the output is there, and skip_existing was asked for
  std::optional<Failure> failure;  ///< the input's own, or why its output cannot be written
};

/// Plans all outputs before any work is done, in the order of the inputs. A failure where
/// - two inputs would share an output (song.mp3, song.flac): the second fails, naming both;
/// - the output would be one of the inputs;
/// - the output is there and may not be replaced, or is a folder, or has too long a name;
/// - its folder cannot be written to (a mirrored one that is not there yet: the nearest above it).
/// Writes nothing.
std::vector<PlannedOutput> plan_outputs(std::span<const InputFile> inputs, const OutputPlace& place);

/// Writes one planned output, whole or not at all, and notes it in the ledger of its folder; makes
/// mirrored folders. Safe for several threads and processes (shards) in one folder. Checks again
/// that the file may be replaced: hours may have passed.
/// @throws Error(invalid_argument) when it may not be; Error(io, not_found) as AtomicFile does
void write_output(const PlannedOutput& output, std::string_view text, const OutputPlace& place);

/// Why no file can be made in `folder`, if so: tried out, not guessed from permissions. A folder that
/// is not there stands for the nearest one above it.
std::optional<Failure> check_writable(const std::filesystem::path& folder);

/// For -o FILE: refuses, before any work, a target that is a folder, cannot be written, or is one of
/// the inputs. A pipe or device is taken as it is.
/// @throws Error(invalid_argument, io, not_found)
void check_output_file(const std::filesystem::path& target, std::span<const InputFile> inputs);

/// True when `-o PATH` means a folder: it is one, or ends with "/".
bool names_folder(const std::filesystem::path& path);

}  // namespace lpmc
