// Checkpoints written by torch itself, and ours loaded by it. One Python process for all: importing
// torch takes seconds.

#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/tensor_file.h"

#include "tests/support/fixtures.h"
#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

void write_ours(const fs::path& path) {
  const std::vector<float> shared = {0, 1, 2, 3, 4, 5};
  const std::vector<float> bias = {0.5F, -0.5F, 2};
  const std::vector<Half> half = {to_half(1), to_half(-2)};
  const std::vector<BFloat16> bfloat = {to_bfloat16(1), to_bfloat16(-2)};
  const std::int64_t steps = std::int64_t{1} << 40;
  const std::array<bool, 2> flags = {true, false};
  const std::vector<NamedTensor> tensors = {
      {"0.weight", {shared.data(), DType::f32, {3, 2}}}, {"1.weight", {shared.data(), DType::f32, {3, 2}}},
      {"1.bias", {bias.data(), DType::f32, {3}}},        {"half", {half.data(), DType::f16, {2}}},
      {"bfloat", {bfloat.data(), DType::bf16, {2}}},     {"steps", {&steps, DType::i64, {}}},
      {"flags", {flags.data(), DType::boolean, {2}}},    {"none", {nullptr, DType::f32, {0, 4}}}};
  write_pth(path, tensors, 12);
}

void expect_file(const fs::path& folder, const nlohmann::json& expected) {
  const TensorFile file = TensorFile::open(folder / expected["file"].get<std::string>());
  file.verify_checksums();
  if (expected["epoch"].is_null()) {
    EXPECT_TRUE(file.metadata().empty());
  } else {
    EXPECT_EQ(file.metadata().at("epoch"), expected["epoch"].dump());
  }
  const nlohmann::json& tensors = expected["tensors"];
  ASSERT_EQ(file.tensors().size(), tensors.size());
  std::map<int, std::uint64_t> storages;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const StoredTensor& read = file.tensors()[i];
    SCOPED_TRACE(read.name);
    EXPECT_EQ(read.name, tensors[i]["name"].get<std::string>());
    EXPECT_EQ(to_string(read.dtype), tensors[i]["dtype"].get<std::string>());
    EXPECT_EQ(to_string(read.shape), to_string(Shape(tensors[i]["shape"].get<std::vector<std::int64_t>>())));
    EXPECT_EQ(read.is_contiguous(), tensors[i]["contiguous"].get<bool>());
    EXPECT_EQ(storages.try_emplace(tensors[i]["storage"].get<int>(), read.storage).first->second,
              read.storage);
    const Tensor copy = read_tensor(read);
    EXPECT_TRUE(as_text({copy.view().bytes(), copy.view().size_bytes()}) ==
                read_file(folder / tensors[i]["bytes"].get<std::string>()));
  }
  std::set<std::uint64_t> distinct;
  for (const auto& [ours, storage] : storages)
    distinct.insert(storage);
  EXPECT_EQ(distinct.size(), storages.size()) << "tensors that torch keeps apart share a storage";
}

TEST(PythonInterop, ReadsWhatTorchWritesAndTorchReadsOurs) {
  const char* python = "/usr/bin/python3";
  if (!fs::exists(python)) GTEST_SKIP() << python << " is not there";
  const TemporaryFolder folder;
  write_ours(folder / "ours.pth");
  const std::string command =
      fmt::format("{} '{}/torch_files.py' '{}' > '{}' 2>&1", python, LPMC_TEST_SCRIPTS,
                  folder.path().string(), (folder / "log").string());
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << python << " has no torch: " << read_file(folder / "log");
  }
  ASSERT_EQ(status, 0) << read_file(folder / "log");
  const auto manifest = nlohmann::json::parse(read_file(folder / "manifest.json"));
  ASSERT_GE(manifest.size(), 15U);
  for (const nlohmann::json& expected : manifest) {
    const auto name = expected["file"].get<std::string>();
    SCOPED_TRACE(name);
    if (!expected.contains("error")) {
      expect_file(folder.path(), expected);
      continue;
    }
    EXPECT_THAT(message_of(ErrorKind::unsupported, [&] { TensorFile::open(folder / name); }),
                HasSubstr(expected["error"].get<std::string>()));
  }
}

}  // namespace
}  // namespace lpmc::test
