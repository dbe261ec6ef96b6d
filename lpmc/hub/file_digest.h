#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lpmc {

// Digests of files in hex, lower case. All throw Error(not_found, io) for a file that cannot be read.

std::string sha256_of_file(const std::filesystem::path& path);

/// The name that git gives a file's content: SHA-1 of "blob SIZE", a zero byte, and the content. Hubs that
/// are git repositories give it as the ETag of small files.
std::string git_blob_sha1_of_file(const std::filesystem::path& path);

}  // namespace lpmc
