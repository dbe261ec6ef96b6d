#include "lpmc/base/atomic_file.h"

#include <csignal>
#include <fstream>

#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::ThrowsLpmc;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, AppearsWholeOnCommit) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("hello ");
  file.write("world");
  EXPECT_FALSE(fs::exists(folder / "a.txt"));
  file.commit();
  EXPECT_EQ(test::read_file(folder / "a.txt"), "hello world");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, WithoutCommitTheOldFileStays) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  { AtomicFile(folder / "a.txt").write("new"); }
  EXPECT_EQ(test::read_file(folder / "a.txt"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, KeepsThePermissionsOfTheFileItReplaces) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  fs::permissions(folder / "a.txt", fs::perms::owner_read | fs::perms::owner_write);
  write_file_atomically(folder / "a.txt", "new");
  EXPECT_EQ(fs::status(folder / "a.txt").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(AtomicFile, WritesThroughASymbolicLink) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  fs::create_symlink("a.txt", folder / "link.txt");
  write_file_atomically(folder / "link.txt", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link.txt"));
  EXPECT_EQ(test::read_file(folder / "a.txt"), "new");
}

TEST(AtomicFile, RefusesAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { AtomicFile file(folder.path()); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a folder"));
}

TEST(AtomicFile, NamesTheFileWhoseFolderIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { AtomicFile file(folder / "no" / "a.txt"); }, ThrowsLpmc(ErrorKind::not_found, "a.txt: "));
}

TEST(AtomicFile, FullDiskLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT([&] { write_file_atomically(folder / "a.txt", std::string(1 << 20, 'x')); },
              ThrowsLpmc(ErrorKind::io, "a.txt: File too large"));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(test::read_file(folder / "a.txt"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, WritesToADeviceDirectly) {
  AtomicFile file("/dev/null");
  file.write("gone");
  file.commit();
  EXPECT_THAT([] { write_file_atomically("/dev/full", "x"); },
              ThrowsLpmc(ErrorKind::io, "/dev/full: No space left"));
}

}  // namespace
}  // namespace lpmc
