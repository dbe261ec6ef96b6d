#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>

struct AVIOContext;

// Private to lpmc/audio.

namespace lpmc::detail {

/// A local file, pipe or device as FFmpeg's byte source. The name is handed to open(2) and to nothing
/// else, so no protocol, playlist or pattern in it has a meaning.
class FileInput {
 public:
  /// @throws Error(not_found), Error(io), Error(invalid_argument) for a folder, Error(corrupt) for an
  /// empty file
  FileInput(const std::filesystem::path& path, std::stop_token stop);
  ~FileInput();
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;

  AVIOContext* context() const { return context_.get(); }
  const std::filesystem::path& path() const { return path_; }
  bool seekable() const { return seekable_; }
  bool nothing_read() const { return bytes_read_ == 0; }

  /// @throws Error(cancelled) when asked to stop, Error(io) when reading has failed
  void check() const;
  bool stop_requested() const { return stop_.stop_requested(); }

 private:
  static int read_packet(void* self, std::uint8_t* buffer, int size);
  static std::int64_t seek(void* self, std::int64_t offset, int whence);

  struct Free {
    void operator()(AVIOContext* context) const noexcept;
  };
  std::filesystem::path path_;
  std::stop_token stop_;
  int file_ = -1;
  bool seekable_ = false;
  std::int64_t position_ = 0;
  std::int64_t bytes_read_ = 0;
  int read_errno_ = 0;
  std::unique_ptr<AVIOContext, Free> context_;
};

}  // namespace lpmc::detail
