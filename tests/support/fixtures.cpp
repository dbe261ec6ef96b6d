#include "tests/support/fixtures.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "lpmc/base/error.h"

namespace lpmc::test {

namespace fs = std::filesystem;

std::optional<fs::path> fixtures() {
  const char* folder = std::getenv("LPMC_FIXTURES");
  if (folder == nullptr || !fs::is_directory(folder)) return std::nullopt;
  return fs::path(folder);
}

std::optional<fs::path> shared_path(const std::string& relative) {
  const auto folder = fixtures();
  if (!folder) return std::nullopt;
  const fs::path path = *folder / ".." / relative;
  if (!fs::exists(path)) return std::nullopt;
  return path;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "lpmc-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail(ErrorKind::io, "{}: mkdtemp failed", pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace lpmc::test
