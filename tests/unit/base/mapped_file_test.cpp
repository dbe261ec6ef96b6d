#include "lpmc/base/mapped_file.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "lpmc/base/atomic_file.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;
using test::ThrowsLpmc;

TEST(MappedFile, ShowsTheBytes) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "abc");
  MappedFile file(folder / "a");
  ASSERT_EQ(file.bytes().size(), 3U);
  EXPECT_EQ(std::memcmp(file.bytes().data(), "abc", 3), 0);
  MappedFile moved = std::move(file);
  EXPECT_EQ(moved.bytes().size(), 3U);
  moved.will_need(1, 100);
}

TEST(MappedFile, AnEmptyFileIsAnEmptySpan) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "empty", "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

/// Bytes of mapped files that count for this process (RssFile of /proc/self/status).
std::size_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    std::size_t kilobytes = 0;
    if (key == "RssFile:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

TEST(MappedFile, DroppedPagesNoLongerCountAndComeBack) {
  constexpr std::size_t kSize = 32U << 20;
  const TemporaryFolder folder;
  write_file_atomically(folder / "big", std::string(kSize, 'x'));
  const MappedFile file(folder / "big");
  const auto count = [&] { return std::ranges::count(file.bytes(), std::byte{'x'}); };
  EXPECT_EQ(count(), kSize);
  const std::size_t before = resident_file_bytes();
  if (before < kSize) GTEST_SKIP() << "no RssFile in /proc/self/status";
  drop_pages(file.bytes().subspan(100));
  EXPECT_LT(resident_file_bytes(), before - kSize / 2);
  EXPECT_EQ(count(), kSize);
  drop_pages({});
}

TEST(MappedFile, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { MappedFile file(folder / "a\nb"); },
              ThrowsLpmc(ErrorKind::not_found, "a\\nb: No such file"));
  EXPECT_THAT([&] { MappedFile file(folder.path()); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a folder"));
}

}  // namespace
}  // namespace lpmc
