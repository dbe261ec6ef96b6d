#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

namespace lpmc {

/// A file's bytes, mapped read-only and private; unmapped with the object. Pages are read when
/// touched, so mapping a large file costs nothing by itself.
class MappedFile {
 public:
  MappedFile() = default;
  /// @throws Error(not_found) when there is no such file, Error(invalid_argument) when it is not a
  /// regular file, Error(io) when it cannot be opened or mapped
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Hints that a range will be read soon, front to back.
  void will_need(std::size_t offset, std::size_t size) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Gives the pages of a part of a MappedFile that are in memory back to the system, so that they count
/// for this process no more; they are read again, as a rule from the system's cache, when touched.
/// @param bytes part of MappedFile::bytes(), or empty
void drop_pages(std::span<const std::byte> bytes);

}  // namespace lpmc
