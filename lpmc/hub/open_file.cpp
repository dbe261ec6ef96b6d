#include "lpmc/hub/open_file.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {

OpenFile::OpenFile(const std::filesystem::path& path, int flags) : name_(display_path(path)) {
  file_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (file_ < 0) fail_errno(name_, errno);
}

OpenFile::~OpenFile() {
  ::close(file_);
}

bool OpenFile::write(std::span<const char> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

std::size_t OpenFile::read(std::span<char> bytes) const {
  ssize_t count = -1;
  while ((count = ::read(file_, bytes.data(), bytes.size())) < 0 && errno == EINTR) {
  }
  if (count < 0) fail_errno(name_, errno);
  return static_cast<std::size_t>(count);
}

void OpenFile::sync() const {
  if (::fsync(file_) != 0) fail_errno(name_, errno);
}

}  // namespace lpmc
