#include "lpmc/base/mapped_file.h"

#include <cstring>

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

TEST(MappedFile, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { MappedFile file(folder / "a\nb"); },
              ThrowsLpmc(ErrorKind::not_found, "a\\nb: No such file"));
  EXPECT_THAT([&] { MappedFile file(folder.path()); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a folder"));
}

}  // namespace
}  // namespace lpmc
