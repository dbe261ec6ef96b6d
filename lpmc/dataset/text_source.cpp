#include "lpmc/dataset/text_source.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

}  // namespace

TextSource::TextSource(const std::filesystem::path& path)
    : name_(display_path(path)), path_(path), buffer_(kBufferBytes) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) fail_errno(name_, errno);
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) fail_errno(name_, errno);
    LPMC_REQUIRE(!S_ISDIR(status.st_mode), invalid_argument, "{}: expected a file, found a folder", name_);
    skip_byte_order_mark();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

TextSource::TextSource(std::string_view text, std::string name)
    : name_(std::move(name)), position_(text.data()), end_(text.data() + text.size()) {
  skip_byte_order_mark();
}

TextSource::~TextSource() {
  if (file_ >= 0) ::close(file_);
}

std::string_view TextSource::ahead() {
  if (position_ == end_) refill();
  return {position_, static_cast<std::size_t>(end_ - position_)};
}

bool TextSource::refill() {
  if (file_ < 0) return false;
  std::size_t filled = 0;
  // A pipe gives little at a time; a full buffer lets ahead() show as much of it as of a file.
  while (filled < buffer_.size()) {
    const ssize_t count = ::read(file_, buffer_.data() + filled, buffer_.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno(name_, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  position_ = buffer_.data();
  end_ = position_ + filled;
  return filled > 0;
}

void TextSource::skip_byte_order_mark() {
  const std::string_view start = ahead();
  LPMC_REQUIRE(!start.starts_with("\xFF\xFE") && !start.starts_with("\xFE\xFF"), unsupported,
               "{}: expected UTF-8 text, found UTF-16; save it as UTF-8", name_);
  if (start.starts_with("\xEF\xBB\xBF")) position_ += 3;
}

}  // namespace lpmc
