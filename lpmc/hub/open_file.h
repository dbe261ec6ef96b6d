#pragma once

// Private to hub/.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace lpmc {

/// A file descriptor that is closed with the object.
class OpenFile {
 public:
  /// @param flags those of open(2)
  /// @throws Error(not_found, io) naming the file
  OpenFile(const std::filesystem::path& path, int flags);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  /// @return false when the disk did not take it; errno says why
  bool write(std::span<const char> bytes) const;
  /// @return bytes read; 0 at the end
  /// @throws Error(io)
  std::size_t read(std::span<char> bytes) const;
  /// Waits until the disk has it. @throws Error(io)
  void sync() const;

 private:
  std::string name_;
  int file_ = -1;
};

}  // namespace lpmc
