#include "lpmc/server/upload.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

/// A file without a name; where the file system cannot make one, its name goes at once.
int open_nameless(const std::filesystem::path& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  std::string name = (folder / "lpmc-upload-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named < 0) fail_errno(display_path(folder), errno);
  ::unlink(name.c_str());
  return named;
}

[[noreturn]] void no_room() {
  throw HttpError(503, "unavailable", "no room for more uploads now", {{"Retry-After", "10"}});
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

std::filesystem::path FileDescriptor::path() const {
  return fmt::format("/proc/self/fd/{}", number_);
}

bool UploadSpace::take(std::uint64_t bytes) {
  if ((used_ += bytes) <= bytes_) return true;
  used_ -= bytes;
  return false;
}

Upload::Upload(const std::filesystem::path& folder, std::shared_ptr<UploadSpace> space,
               std::uint64_t max_bytes)
    : space_(std::move(space)), max_bytes_(max_bytes), file_(open_nameless(folder)) {}

Upload::~Upload() {
  space_->give_back(size_);
}

void Upload::append(std::string_view data) {
  if (data.size() > max_bytes_ - size_) {
    throw HttpError(413, "too_large",
                    fmt::format("the file is too large: expected at most {} bytes", max_bytes_));
  }
  if (!space_->take(data.size())) no_room();
  size_ += data.size();
  while (!data.empty()) {
    const ssize_t count = ::write(file_.number(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      log(LogLevel::error, "upload: {}", fmt::format("errno {}", errno));
      no_room();
    }
    data.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace lpmc
