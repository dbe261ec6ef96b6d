#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lpmc/captioning/captions.h"

namespace lpmc {

/// Part `index` (from 1) of `count` parts of the inputs.
struct Shard {
  int index = 1;
  int count = 1;
};

/// "2/8".
/// @throws Error(invalid_argument) unless it is I/N with 1 <= I <= N
Shard parse_shard(std::string_view text);

struct InputOptions {
  bool recursive = false;                                          ///< take what is in folders
  std::optional<std::filesystem::path> files_from = std::nullopt;  ///< a file of names; "-" is standard input
  bool nul_separated = false;                 ///< names in files_from end with NUL, not with a line end
  std::optional<Shard> shard = std::nullopt;  ///< only these of the inputs
};

/// One input, or why it is none.
struct InputFile {
  std::filesystem::path file;  ///< as named, or found: the folder as named, then the way down
  /// Where its captions belong in an output folder: never absolute, no "..". The way down from the
  /// named folder; the name alone for a file named itself; for a name in a list, that name without
  /// leading "/" and "..", so that `find`'s tree is mirrored.
  std::filesystem::path relative;
  std::optional<Failure> failure;
};

/// All inputs: `named` in order, then those of options.files_from. A file is taken whatever its
/// extension; a folder gives, with options.recursive, its files of has_media_extension() in the
/// byte order of names, folder by folder, without hidden ones (a leading dot); links are followed,
/// and a folder that several links lead to is taken once. The same name (after removal of "./" and
/// the like) counts once, where it is first. What is missing, unreadable, an empty folder, or a
/// folder without options.recursive is an entry with a failure. The shard takes entry i (from 0)
/// when i % count == index - 1.
/// @throws Error(not_found, io, invalid_argument) when the list of names cannot be read
std::vector<InputFile> expand_inputs(std::span<const std::filesystem::path> named,
                                     const InputOptions& options);

/// The names in a list: separated by NUL, or by line ends (a carriage return before one is dropped,
/// as lists written on Windows have it). Empty names are skipped. Names may be any bytes.
/// @param list_name for messages
/// @throws Error(invalid_argument) for a NUL in a list of lines, or a name longer than any path
std::vector<std::filesystem::path> read_file_list(std::istream& list, bool nul_separated,
                                                  std::string_view list_name);

/// True for the extensions that recursion takes, in upper or lower case.
/// Audio: aac ac3 aif aifc aiff alac amr ape au caf dsf dts eac3 flac m4a m4b mka mp2 mp3 mpc oga ogg
/// opus snd spx tta w64 wav wave weba wma wv. Video: 3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv
/// vob webm wmv.
bool has_media_extension(const std::filesystem::path& file);

}  // namespace lpmc
