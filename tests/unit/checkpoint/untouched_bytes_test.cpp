// Opening a checkpoint reads the weights' part only: a file as large as the published model with its
// optimizer, of which all but the directory is a hole, and a count of the pages that were read.

#include <algorithm>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lpmc/base/mapped_file.h"
#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/checkpoint/zip_writer.h"

#include "tests/support/fixtures.h"
#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

constexpr std::size_t kStates = 600;
constexpr std::size_t kStateElements = 750'000;  // 3 MB each, 1.8 GB in all
constexpr std::size_t kWeightElements = 1000;

std::string checkpoint_pickle() {
  std::vector<std::pair<std::string, std::string>> state;
  for (std::size_t i = 0; i < kStates; ++i) {
    const auto elements = static_cast<std::int64_t>(kStateElements);
    state.emplace_back(
        std::to_string(i),
        pickle::tensor(
            {.key = std::to_string(i + 1), .elements = elements, .sizes = {elements}, .strides = {1}}));
  }
  const auto elements = static_cast<std::int64_t>(kWeightElements);
  const std::string weight = pickle::tensor({.elements = elements, .sizes = {elements}, .strides = {1}});
  return pickle::whole(pickle::dict({{"state_dict", pickle::ordered_dict({{"w", weight}})},
                                     {"optimizer", pickle::dict({{"state", pickle::dict(state)}})}}));
}

/// Writes the file, leaving out large entries, which stay holes. Where each of those begins.
std::vector<std::size_t> write_sparse_checkpoint(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  EXPECT_GE(file, 0);
  std::size_t at = 0;
  std::vector<std::size_t> holes;
  ZipWriter zip([&](std::span<const std::byte> bytes) {
    if (bytes.size() >= kStateElements) {
      holes.push_back(at);
    } else {
      EXPECT_EQ(::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)),
                static_cast<ssize_t>(bytes.size()));
    }
    at += bytes.size();
  });
  const std::vector<std::byte> zeros(kStateElements * sizeof(float));
  const std::string pickle = checkpoint_pickle();
  const std::string weight = float_bytes(kWeightElements);
  zip.add("m/data.pkl", bytes_of(pickle));
  zip.add("m/data/0", bytes_of(weight));
  for (std::size_t i = 0; i < kStates; ++i)
    zip.add("m/data/" + std::to_string(i + 1), zeros, 0);
  zip.finish();
  EXPECT_EQ(::ftruncate(file, static_cast<off_t>(at)), 0);
  EXPECT_EQ(::fsync(file), 0);
  // What was written just now must not count as read.
  EXPECT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  ::close(file);
  return holes;
}

/// How many of the pages that hold these bytes are in memory.
std::size_t count_resident(const std::filesystem::path& path, const std::vector<std::size_t>& offsets) {
  const MappedFile file(path);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto bytes = file.bytes();
  std::vector<unsigned char> resident((bytes.size() + page - 1) / page);
  EXPECT_EQ(::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), resident.data()), 0);
  return static_cast<std::size_t>(std::ranges::count_if(
      offsets, [&](std::size_t offset) { return (resident[offset / page] & 1U) != 0; }));
}

TEST(TensorFileOpen, TouchesNothingOfTheOptimizer) {
  const TemporaryFolder folder;
  const auto path = folder / "last.pth";
  const std::vector<std::size_t> states = write_sparse_checkpoint(path);
  ASSERT_EQ(states.size(), kStates);
  ASSERT_GT(std::filesystem::file_size(path), std::uintmax_t{1'800'000'000});
  // In a file system in memory everything is resident at all times.
  const std::size_t before = count_resident(path, states);
  if (before > kStates / 10) GTEST_SKIP() << "the page cache cannot be emptied here";
  const TensorFile file = TensorFile::open(path);
  ASSERT_EQ(file.tensors().size(), 1U);
  const Tensor weight = read_tensor(file.tensors()[0]);
  EXPECT_EQ(weight.values<float>()[999], 999.0F);
  // Directory, pickle and one storage are read, and what the kernel reads around each (up to some
  // megabytes, so a few of the states are hit). A reader that looks at every entry hits all 600.
  EXPECT_LT(count_resident(path, states), kStates / 10);
}

}  // namespace
}  // namespace lpmc::test
