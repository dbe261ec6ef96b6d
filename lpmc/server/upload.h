#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace lpmc {

/// An open file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int number() const { return number_; }
  /// A path that opens this very file, also one without a name: "/proc/self/fd/7".
  std::filesystem::path path() const;

 private:
  int number_;
};

/// What all uploads together may take of the disk.
class UploadSpace {
 public:
  explicit UploadSpace(std::uint64_t bytes) : bytes_(bytes) {}
  bool take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes) { used_ -= bytes; }
  std::uint64_t used() const { return used_; }

 private:
  const std::uint64_t bytes_;
  std::atomic<std::uint64_t> used_ = 0;
};

/// An upload on disk. Its file has no name, so that whatever becomes of this process, nothing is left.
class Upload {
 public:
  /// @param folder of a file system with room   @param max_bytes of this one
  /// @throws Error(io) when no file can be made there
  Upload(const std::filesystem::path& folder, std::shared_ptr<UploadSpace> space, std::uint64_t max_bytes);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// @throws HttpError(413) beyond max_bytes, HttpError(503) when there is no room now
  void append(std::string_view data);
  std::uint64_t size() const { return size_; }
  std::filesystem::path path() const { return file_.path(); }

 private:
  std::shared_ptr<UploadSpace> space_;
  const std::uint64_t max_bytes_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
};

}  // namespace lpmc
