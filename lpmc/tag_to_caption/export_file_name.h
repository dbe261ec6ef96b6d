#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lpmc {

/// An id as the name of a file or folder, different for different ids, and unchanged where that is safe:
/// "/", "\", control characters, "%", what is not UTF-8, and dots or blanks that would make it ".", ".." or
/// hidden become %XX; a name of over `max_bytes` is cut and ends in "~" and 16 hex digits of the id's hash;
/// "" is "%".
std::string export_file_name(std::string_view id, std::size_t max_bytes = 200);

}  // namespace lpmc
