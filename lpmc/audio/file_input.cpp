#include "lpmc/audio/file_input.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
}

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc::detail {
namespace {

constexpr int kBufferBytes = 32 * 1024;

int open_for_reading(const std::filesystem::path& path) {
  int file = -1;
  do {
    file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);
  if (file < 0) fail_errno(display_path(path), errno);
  return file;
}

}  // namespace

void FileInput::Free::operator()(AVIOContext* context) const noexcept {
  av_freep(static_cast<void*>(&context->buffer));  // FFmpeg may have replaced the one given to it
  avio_context_free(&context);
}

FileInput::FileInput(const std::filesystem::path& path, std::stop_token stop)
    : path_(path), stop_(std::move(stop)) {
  struct stat status {};
  // Looked at before opening: opening a pipe for which there is no writer would wait.
  if (::stat(path_.c_str(), &status) != 0) fail_errno(display_path(path_), errno);
  LPMC_REQUIRE(!S_ISDIR(status.st_mode), invalid_argument, "{}: expected an audio file, found a folder",
               display_path(path_));
  LPMC_REQUIRE(!(S_ISREG(status.st_mode) && status.st_size == 0), corrupt, "{}: empty file",
               display_path(path_));
  auto* const buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  context_.reset(avio_alloc_context(buffer, kBufferBytes, 0, this, &read_packet, nullptr, &seek));
  if (!context_) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  file_ = open_for_reading(path_);
  seekable_ = ::lseek(file_, 0, SEEK_CUR) >= 0 && S_ISREG(status.st_mode);
  if (!seekable_) {
    context_->seek = nullptr;
    context_->seekable = 0;
  }
}

FileInput::~FileInput() {
  if (file_ >= 0) ::close(file_);
}

void FileInput::check() const {
  LPMC_REQUIRE(!stop_.stop_requested(), cancelled, "{}: cancelled", display_path(path_));
  if (read_errno_ != 0) fail_errno(display_path(path_), read_errno_);
}

int FileInput::read_packet(void* self, std::uint8_t* buffer, int size) {
  auto& input = *static_cast<FileInput*>(self);
  ssize_t count = -1;
  do {
    if (input.stop_.stop_requested()) return AVERROR_EXIT;
    count = input.seekable_ ? ::pread(input.file_, buffer, static_cast<std::size_t>(size), input.position_)
                            : ::read(input.file_, buffer, static_cast<std::size_t>(size));
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    input.read_errno_ = errno;
    return AVERROR(errno);
  }
  if (count == 0) return AVERROR_EOF;
  input.position_ += count;
  input.bytes_read_ += count;
  return static_cast<int>(count);
}

std::int64_t FileInput::seek(void* self, std::int64_t offset, int whence) {
  auto& input = *static_cast<FileInput*>(self);
  struct stat status {};
  if (::fstat(input.file_, &status) != 0) return AVERROR(errno);
  std::int64_t target = offset;
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return status.st_size;
    case SEEK_SET:
      break;
    case SEEK_CUR:
      if (__builtin_add_overflow(input.position_, offset, &target)) return AVERROR(EINVAL);
      break;
    case SEEK_END:
      if (__builtin_add_overflow(static_cast<std::int64_t>(status.st_size), offset, &target))
        return AVERROR(EINVAL);
      break;
    default:
      return AVERROR(EINVAL);
  }
  if (target < 0) return AVERROR(EINVAL);
  input.position_ = target;
  return target;
}

}  // namespace lpmc::detail
