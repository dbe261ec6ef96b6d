#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/checkpoint/zip_archive.h"

#include "tests/support/fixtures.h"
#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(WritePth, RoundTrip) {
  const TemporaryFolder folder;
  const auto path = folder / "transfer.pth";
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> integers = {-1};
  const std::vector<NamedTensor> tensors = {
      {"shared.weight", {floats.data(), DType::f32, {2, 3}}},
      {"bias", {floats.data() + 2, DType::f32, {2}}},
      {"steps", {integers.data(), DType::i64, {}}},
      {"lm_head.weight", {floats.data(), DType::f32, {2, 3}}},
      {"none", {nullptr, DType::f32, {0}}},
      {"none_either", {floats.data(), DType::f32, {3, 0}}},
  };
  write_pth(path, tensors, 41);
  const TensorFile file = TensorFile::open(path);
  EXPECT_EQ(file.format(), TensorFile::Format::pth);
  EXPECT_EQ(file.metadata().at("epoch"), "41");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const StoredTensor& read = file.tensors()[i];
    EXPECT_EQ(read.name, tensors[i].name);
    EXPECT_EQ(read.dtype, tensors[i].tensor.dtype());
    EXPECT_EQ(read.shape, tensors[i].tensor.shape());
    EXPECT_TRUE(read.is_contiguous());
    const Tensor copy = read_tensor(read);
    EXPECT_EQ(as_text({copy.view().bytes(), copy.view().size_bytes()}),
              as_text({tensors[i].tensor.bytes(), tensors[i].tensor.size_bytes()}));
  }
  EXPECT_EQ(file.tensors()[0].storage, file.tensors()[3].storage);
  EXPECT_NE(file.tensors()[0].storage, file.tensors()[1].storage);
  EXPECT_NE(file.tensors()[0].storage, file.tensors()[5].storage);
  file.verify_checksums();
}

TEST(WritePth, LaysTheArchiveOutAsTorchDoes) {
  const TemporaryFolder folder;
  const float value = 1;
  const std::vector<NamedTensor> tensors = {{"a", {&value, DType::f32, {}}},
                                            {"b", {&value, DType::f32, {1}}}};
  write_pth(folder / "last.pth", tensors, 0);
  const MappedFile file(folder / "last.pth");
  const ZipArchive archive(file.bytes(), "last.pth");
  std::vector<std::string_view> names;
  for (const ZipEntry& entry : archive.entries()) {
    names.push_back(entry.name);
    EXPECT_EQ((archive.data(entry).data() - file.bytes().data()) % 64, 0) << entry.name;
  }
  EXPECT_THAT(names, ElementsAre("last/data.pkl", "last/byteorder", "last/data/0", "last/version"));
  EXPECT_EQ(as_text(archive.data(*archive.find("last/version"))), "3\n");
  EXPECT_TRUE(as_text(archive.data(*archive.find("last/data.pkl"))).starts_with("\x80\x02"));
  write_pth(folder / "\xc3\xa9 b.pth", tensors, 0);
  const MappedFile other(folder / "\xc3\xa9 b.pth");
  EXPECT_NE(ZipArchive(other.bytes(), "e").find("archive/data.pkl"), nullptr);
}

TEST(WritePth, TensorsOfOneAddressShareTheLargest) {
  const TemporaryFolder folder;
  const std::vector<float> floats = {1, 2, 3};
  const std::vector<NamedTensor> tensors = {{"head", {floats.data(), DType::f32, {1}}},
                                            {"all", {floats.data(), DType::f32, {3}}}};
  write_pth(folder / "a.pth", tensors, -5'000'000'000);
  const TensorFile file = TensorFile::open(folder / "a.pth");
  EXPECT_EQ(file.tensors()[0].storage, file.tensors()[1].storage);
  EXPECT_THAT(read_tensor(file.tensors()[0]).values<float>(), ElementsAre(1));
  EXPECT_THAT(read_tensor(file.tensors()[1]).values<float>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(file.metadata().at("epoch"), "-5000000000");
}

TEST(WritePth, VerifyFindsADamagedTensor) {
  const TemporaryFolder folder;
  const std::vector<float> floats(100, 1.25F);
  const std::vector<NamedTensor> tensors = {{"w", {floats.data(), DType::f32, {100}}}};
  write_pth(folder / "a.pth", tensors, 0);
  std::string bytes = read_file(folder / "a.pth");
  bytes[bytes.find(as_text(std::as_bytes(std::span(floats)))) + 7] ^= 1;
  write_file(folder / "b.pth", bytes);
  const TensorFile damaged = TensorFile::open(folder / "b.pth");
  EXPECT_THAT(message_of(ErrorKind::corrupt, [&] { damaged.verify_checksums(); }),
              HasSubstr("b.pth: zip entry 'a/data/0' is damaged"));
}

TEST(WritePth, RefusesToWriteWhatCouldNotBeRead) {
  const TemporaryFolder folder;
  const float one = 1;
  const auto message = [&](const std::vector<NamedTensor>& tensors) {
    return message_of(ErrorKind::invalid_argument, [&] { write_pth(folder / "a.pth", tensors, 0); });
  };
  const ConstTensorView scalar(&one, DType::f32, {});
  EXPECT_THAT(message({{"a", scalar}, {"a", scalar}}), HasSubstr("two tensors are named a"));
  EXPECT_THAT(message({{"\xff", scalar}}), HasSubstr("cannot name a tensor"));
  EXPECT_THAT(message({{"a", {nullptr, DType::f32, {1}}}}), HasSubstr("a has no data"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.pth"));
}

}  // namespace
}  // namespace lpmc::test
