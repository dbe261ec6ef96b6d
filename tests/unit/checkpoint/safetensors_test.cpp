#include "lpmc/checkpoint/safetensors.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/checkpoint/byte_reader.h"

#include "tests/support/fixtures.h"
#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string safetensors(const std::string& header, std::size_t data_size) {
  std::string bytes;
  append_little(bytes, static_cast<std::uint64_t>(header.size()));
  return bytes + header + std::string(data_size, 'd');
}

std::string error_of(ErrorKind kind, const std::string& bytes) {
  return message_of(kind, [&] { read_safetensors(bytes_of(bytes), "a.safetensors"); });
}

std::string entry(const std::string& name, const std::string& shape, int begin, int end,
                  const std::string& dtype = "F32") {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", name, dtype, shape, begin,
                     end);
}

TEST(Safetensors, ReadsAHeaderWithTrailingSpacesInAnyOrderOfKeys) {
  const std::string bytes =
      safetensors(R"({"b":{"data_offsets":[8,10],"shape":[],"dtype":"F16"},"__metadata__":{"format":"pt"},)" +
                      entry("a", "[2,1]", 0, 8) + "," + entry("nothing", "[0,3]", 8, 8) + "}   ",
                  10);
  const TensorTable table = read_safetensors(bytes_of(bytes), "a");
  ASSERT_EQ(table.tensors.size(), 3U);
  EXPECT_EQ(table.tensors[0].name, "b");
  EXPECT_EQ(table.tensors[0].dtype, DType::f16);
  EXPECT_EQ(table.tensors[0].shape, Shape{});
  EXPECT_EQ(table.tensors[1].shape, (Shape{2, 1}));
  EXPECT_EQ(as_text({table.tensors[1].data, 8}), "dddddddd");
  EXPECT_EQ(table.tensors[2].shape, (Shape{0, 3}));
  EXPECT_TRUE(table.tensors[1].is_contiguous() && table.tensors[2].is_contiguous());
  EXPECT_NE(table.tensors[0].storage, table.tensors[1].storage);
  EXPECT_THAT(table.metadata, ElementsAre(Pair("format", "pt")));
}

TEST(Safetensors, ReadsNoTensors) {
  EXPECT_TRUE(read_safetensors(bytes_of(safetensors("{}", 0)), "a").tensors.empty());
}

TEST(Safetensors, DataMustTileTheFile) {
  const auto message = [](const std::string& a, const std::string& b, std::size_t size) {
    return error_of(ErrorKind::corrupt, safetensors("{" + a + "," + b + "}", size));
  };
  EXPECT_THAT(message(entry("a", "[2]", 0, 8), entry("b", "[2]", 4, 12), 12),
              HasSubstr("b: expected its data to begin at 8"));
  EXPECT_THAT(message(entry("a", "[2]", 0, 8), entry("b", "[2]", 0, 8), 8),
              HasSubstr("expected its data to begin at 8"));
  EXPECT_THAT(message(entry("a", "[2]", 0, 8), entry("b", "[2]", 12, 20), 20),
              HasSubstr("b: expected its data to begin at 8, after the tensor before it, found 12"));
  EXPECT_THAT(message(entry("a", "[2]", 4, 12), entry("b", "[1]", 12, 16), 16),
              HasSubstr("a: expected its data to begin at 0"));
  EXPECT_THAT(message(entry("a", "[2]", 0, 8), entry("b", "[1]", 8, 12), 11),
              HasSubstr("b: cut off: its data ends at 12, the file has 11"));
  EXPECT_THAT(message(entry("a", "[2]", 0, 8), entry("b", "[1]", 8, 12), 13),
              HasSubstr("expected 12 bytes of data, found 13"));
}

TEST(Safetensors, ShapesMustFitTheirBytes) {
  const auto message = [](const std::string& header) {
    return error_of(ErrorKind::corrupt, safetensors("{" + header + "}", 8));
  };
  EXPECT_THAT(message(entry("a", "[3]", 0, 8)),
              HasSubstr("a: [3] of float32 does not take the bytes 0 to 8"));
  EXPECT_THAT(message(entry("a", "[2]", 8, 0)), HasSubstr("does not take the bytes 8 to 0"));
  EXPECT_THAT(message(entry("a", "[4611686018427387906]", 0, 8)), HasSubstr("does not take"));
  EXPECT_THAT(message(entry("a", "[9223372036854775807,9223372036854775807,0]", 0, 0)),
              HasSubstr("does not take"));
  EXPECT_THAT(message(entry("a", "[9223372036854775808]", 0, 8)),
              HasSubstr("a: a size of 9223372036854775808"));
  EXPECT_THAT(message(entry("a", "[-1]", 0, 8)), HasSubstr("a negative number"));
  EXPECT_THAT(message(entry("a", "[2.0]", 0, 8)), HasSubstr("a fraction"));
}

TEST(Safetensors, RefusesOtherHeaders) {
  const auto message = [](const std::string& header) {
    return error_of(ErrorKind::corrupt, safetensors(header, 8));
  };
  const std::string good = entry("a", "[2]", 0, 8);
  for (const std::string& header : {""s, "{"s, "{" + good, "{" + good + "}}", "{" + good + ",}",
                                    "{" + good + "}\0"s, "{\"\xff\":1}"s, "nul"s}) {
    EXPECT_THAT(message(header), HasSubstr("the safetensors header is not JSON")) << header;
  }
  EXPECT_THAT(message("[" + good + "]"), HasSubstr("a list where it cannot be"));
  EXPECT_THAT(message("3"), HasSubstr("a number where it cannot be"));
  EXPECT_THAT(message("{" + good + "," + good + "}"), HasSubstr("two tensors are named a"));
  EXPECT_THAT(message(R"({"a":7})"), HasSubstr("a: found a number where it cannot be"));
  EXPECT_THAT(message(R"({"a":{}})"), HasSubstr("a: expected dtype, shape and data_offsets"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2]}})"),
              HasSubstr("a: expected dtype, shape and data_offsets"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2]}})"), HasSubstr("dtype stands twice"));
  EXPECT_THAT(message(R"({"a":{"strides":[1]}})"), HasSubstr("found 'strides'"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})"),
              HasSubstr("a list where"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})"),
              HasSubstr("fewer than two"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})"),
              HasSubstr("a number where"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,1e30]}})"),
              HasSubstr("a fraction"));
  EXPECT_THAT(message(R"({"__metadata__":{"a":{"b":"c"}}})"), HasSubstr("an object where"));
  EXPECT_THAT(message(R"({"__metadata__":{"a":1}})"), HasSubstr("a number where"));
  EXPECT_THAT(message(R"({"__metadata__":{"a":"1","a":"2"}})"), HasSubstr("a stands twice"));
  EXPECT_THAT(message(R"({"a":{"dtype":{"x":[)" + std::string(1'000'000, '[')), HasSubstr("an object where"));
  EXPECT_THAT(
      error_of(ErrorKind::unsupported, safetensors("{" + entry("a", "[2]", 0, 8, "F8_E4M3") + "}", 8)),
      HasSubstr(
          "a: element type: expected F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL, found F8_E4M3"));
  EXPECT_THAT(
      error_of(ErrorKind::unsupported, safetensors("{" + entry("a", "[1,1,1,1,1,1,1,1,2]", 0, 8) + "}", 8)),
      HasSubstr("a: more than 8 dimensions"));
}

TEST(Safetensors, BoundsTheHeader) {
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\xff\xff\xff\xff\xff\xff\xff\xff{"),
              HasSubstr("expected at most 100000000"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x01\xe1\xf5\x05\0\0\0\0{"s), HasSubstr("found 100000001"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x03\0\0\0\0\0\0\0{}"s),
              HasSubstr("cut off: a safetensors header of 3 bytes"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x03\0\0"s), HasSubstr("cut off"));
}

TEST(Safetensors, EveryCutOffFileIsAnError) {
  const std::string bytes = safetensors("{" + entry("a", "[2]", 0, 8) + "}", 8);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read_safetensors(bytes_of(bytes.substr(0, size)), "a"), Error) << size;
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const std::vector<float> floats = {1.5F, -2, 3};
  const std::vector<std::int64_t> integers = {1LL << 40};
  const std::vector<std::uint8_t> bytes = {7, 8, 9};
  const std::vector<NamedTensor> tensors = {
      {"odd \"name\" \xc3\xa9", {bytes.data(), DType::u8, {3}}},
      {"f", {floats.data(), DType::f32, {3, 1}}},
      {"i", {integers.data(), DType::i64, {}}},
      {"empty", {nullptr, DType::f32, {0, 4}}},
  };
  write_safetensors(path, tensors, {{"format", "pt"}, {"note", "line\nbreak"}});
  const TensorFile file = TensorFile::open(path);
  EXPECT_EQ(file.format(), TensorFile::Format::safetensors);
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("format", "pt"), Pair("note", "line\nbreak")));
  ASSERT_EQ(file.tensors().size(), 4U);
  for (const NamedTensor& written : tensors) {
    const StoredTensor* read = file.find(written.name);
    ASSERT_NE(read, nullptr) << written.name;
    EXPECT_EQ(read->dtype, written.tensor.dtype());
    EXPECT_EQ(read->shape, written.tensor.shape());
    // Each tensor is aligned to its elements, counted from the start of the file.
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read->data) % size_of(read->dtype), 0U);
    const Tensor copy = read_tensor(*read);
    EXPECT_EQ(as_text({copy.view().bytes(), copy.view().size_bytes()}),
              as_text({written.tensor.bytes(), written.tensor.size_bytes()}));
  }
  // Larger elements first, otherwise in the given order.
  EXPECT_EQ(file.tensors()[0].name, "i");
  EXPECT_EQ(file.tensors()[1].name, "f");
  EXPECT_EQ(file.find("missing"), nullptr);
  file.verify_checksums();  // has none
}

TEST(Safetensors, RefusesToWriteWhatCouldNotBeRead) {
  const TemporaryFolder folder;
  const float one = 1;
  const auto message = [&](const std::vector<NamedTensor>& tensors,
                           const std::map<std::string, std::string>& metadata) {
    return message_of(ErrorKind::invalid_argument,
                      [&] { write_safetensors(folder / "a.safetensors", tensors, metadata); });
  };
  const ConstTensorView scalar(&one, DType::f32, {});
  EXPECT_THAT(message({{"a", scalar}, {"a", scalar}}, {}), HasSubstr("two tensors are named a"));
  EXPECT_THAT(message({{"__metadata__", scalar}}, {}), HasSubstr("'__metadata__' cannot name a tensor"));
  EXPECT_THAT(message({{"\xff", scalar}}, {}), HasSubstr("cannot name a tensor"));
  EXPECT_THAT(message({{"a", {nullptr, DType::f32, {1}}}}, {}), HasSubstr("a has no data"));
  EXPECT_THAT(message({}, {{"k", "\xff"}}), HasSubstr("metadata 'k' is not UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.safetensors"));
}

}  // namespace
}  // namespace lpmc::test
