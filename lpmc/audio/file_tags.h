#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lpmc {

/// The comment in a music file's own tags (ID3, Vorbis comment, MP4 atom, RIFF INFO, ...), UTF-8; empty
/// when there is none.
/// @throws Error(not_found), Error(invalid_argument) for a folder, Error(unsupported) for a file without
/// tags TagLib knows, Error(io)
std::string read_comment(const std::filesystem::path& path);

/// Stores `text` as the comment. Other tags, the audio, permissions and, where allowed, the owner stay
/// as they are. The file is never edited in place: a copy in the same folder is, then read back, synced
/// and renamed over the file (through a symbolic link, over the link's target), so that at any moment
/// the file is whole, in its old or its new form. Other hard links keep the old content.
/// @param text UTF-8, not empty, without NUL
/// @throws as read_comment; Error(invalid_argument) for such a text, Error(io) also when the file may not be
/// written or the disk is full
void write_comment(const std::filesystem::path& path, std::string_view text);

}  // namespace lpmc
