#include "lpmc/cli/tag_to_caption_key.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc::cli {
namespace {

constexpr const char* kVariable = "OPENAI_API_KEY";
constexpr std::size_t kMaxKeyBytes = 4096;

/// A key is sent in a header: printable ASCII without blanks.
bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Secret read_key_file(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_errno(display_path(file), errno);
  std::array<char, kMaxKeyBytes + 1> buffer{};
  std::size_t size = 0;
  for (ssize_t count = 1; count > 0 && size < buffer.size(); size += static_cast<std::size_t>(count)) {
    count = std::max<ssize_t>(0, ::read(descriptor, buffer.data() + size, buffer.size() - size));
  }
  struct stat status {};
  const bool known = ::fstat(descriptor, &status) == 0;
  ::close(descriptor);
  const std::string_view text = trimmed({buffer.data(), size});
  const bool valid = size <= kMaxKeyBytes && is_key(text);
  Secret key(valid ? std::string(text) : std::string());
  ::explicit_bzero(buffer.data(), buffer.size());
  LPMC_REQUIRE(valid, invalid_argument,
               "{}: expected an API key (one line of printable characters), found something else",
               display_path(file));
  if (known && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    log(LogLevel::warning, "{}: other users can read this key; `chmod 600` changes that", display_path(file));
  }
  return key;
}

Secret take_from_environment() {
  char* const value = std::getenv(kVariable);
  if (value == nullptr) return {};
  const std::string_view text = trimmed(value);
  const bool valid = is_key(text), empty = text.empty();
  Secret key(valid ? std::string(text) : std::string());
  // The kernel shows this very memory as the process's environment.
  ::explicit_bzero(value, std::strlen(value));
  ::unsetenv(kVariable);
  LPMC_REQUIRE(valid || empty, invalid_argument, "{}: expected a key of printable characters", kVariable);
  return key;
}

/// A core dump would hold the key. The limit is for cores written as files, the filter for those handed to a
/// crash reporter.
void leave_no_core() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  std::ofstream("/proc/self/coredump_filter") << "0";
}

}  // namespace

Secret take_api_key(const std::string& file) {
  if (!file.empty() || std::getenv(kVariable) != nullptr) leave_no_core();
  Secret from_environment = take_from_environment();
  return file.empty() ? from_environment : read_key_file(file);
}

}  // namespace lpmc::cli
