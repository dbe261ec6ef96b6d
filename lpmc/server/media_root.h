#pragma once

#include <filesystem>
#include <string_view>

#include "lpmc/server/upload.h"

namespace lpmc {

/// A folder whose files clients may name. Nothing outside of it can be reached: not by "..", not by an
/// absolute name, not by a symbolic link, also not by one that comes between looking and opening, since the
/// kernel itself resolves the name beneath the folder (openat2).
class MediaRoot {
 public:
  /// @throws Error(not_found, io) when it is no folder; Error(unsupported) on a kernel without openat2 (5.6)
  explicit MediaRoot(const std::filesystem::path& folder);

  /// Opens a regular file for reading.
  /// @param name relative, UTF-8, with "/"
  /// @throws HttpError(404) for everything else, without saying what lies there
  FileDescriptor open(std::string_view name) const;

 private:
  FileDescriptor folder_;
};

}  // namespace lpmc
