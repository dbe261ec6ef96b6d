#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace lpmc {

/// Writes a file so that it is either there whole or not at all: bytes go to a temporary name in
/// the same folder, and commit() fsyncs and renames. Without commit() the temporary is removed.
/// A pipe or device (-o /dev/stdout) is written directly.
class AtomicFile {
 public:
  /// @throws Error(invalid_argument) when `path` is a folder, Error(not_found) when its folder is
  /// not there, Error(io) when it cannot be written
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// @throws Error(io) on a full disk and the like; nothing is left behind
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Bytes written so far.
  std::size_t size() const { return size_; }
  /// fsync, rename to the final name, fsync of the folder.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int file_ = -1;
  std::size_t size_ = 0;
};

/// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace lpmc
