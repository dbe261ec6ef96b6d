#include "lpmc/base/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

/// A name no other writer uses: process id and a counter. Short, so that a long file name stays
/// within the 255 bytes a directory entry may have.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  return parent / fmt::format(".lpmc-{}-{}.tmp", ::getpid(), counter.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  // Through a link, its target is what gets replaced; the link stays one.
  if (std::filesystem::is_symlink(path_, ignored)) path_ = std::filesystem::weakly_canonical(path_, ignored);
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  LPMC_REQUIRE(!(exists && S_ISDIR(status.st_mode)), invalid_argument,
               "{}: expected a file to write, found a folder", display_path(path_));
  if (exists && !S_ISREG(status.st_mode)) {  // a pipe or device: nothing to rename over
    file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) fail_errno(display_path(path_), errno);
    return;
  }
  // A read-only file stays as it is, although the rename alone would replace it.
  if (exists && ::access(path_.c_str(), W_OK) != 0) fail_errno(display_path(path_), errno);
  temporary_ = temporary_name(path_);
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail_errno(display_path(path_), errno);
  if (exists) ::fchmod(file_, status.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail_errno(display_path(path_), errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::size_t>(written);
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(file_, -1)) != 0) fail_errno(display_path(path_), errno);
    return;
  }
  if (::fsync(file_) != 0) fail_errno(display_path(path_), errno);
  const int closed = ::close(std::exchange(file_, -1));
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    fail_errno(display_path(path_), reason);
  }
  // The rename itself survives a power cut only once the folder is on disk. Some file systems
  // refuse to sync a folder; the file is whole all the same.
  const auto parent = temporary_.parent_path();
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace lpmc
