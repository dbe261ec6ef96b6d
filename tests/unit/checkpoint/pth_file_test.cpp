#include "lpmc/checkpoint/pth_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Items = std::vector<std::pair<std::string, std::string>>;

std::string with_state(const Items& state, const Items& more = {}) {
  Items top = {{"state_dict", pickle::ordered_dict(state)}};
  top.insert(top.end(), more.begin(), more.end());
  return pickle::whole(pickle::dict(top));
}

/// A checkpoint of one tensor "w" over a storage "0" of 6 floats.
std::string with_tensor(const pickle::TensorFields& fields) {
  return build_checkpoint(with_state({{"w", pickle::tensor(fields)}}), {{"0", float_bytes(6)}});
}

std::string error_of(ErrorKind kind, const std::string& file) {
  return message_of(kind, [&] { read_pth(bytes_of(file), "a.pth"); });
}

std::vector<float> floats_of(const StoredTensor& tensor) {
  const Tensor read = read_tensor(tensor);
  const auto values = read.values<float>();
  return {values.begin(), values.end()};
}

TEST(PthFile, ReadsAStateDictInItsOrder) {
  const std::string file = build_checkpoint(
      with_state({{"module.b", pickle::tensor({.key = "1", .elements = 2, .sizes = {2}, .strides = {1}})},
                  {"module.a", pickle::tensor({.location = "cuda:3"})}},
                 {{"epoch", "K\x07"}}),
      {{"0", float_bytes(6)}, {"1", float_bytes(2)}});
  const TensorTable table = read_pth(bytes_of(file), "a.pth");
  ASSERT_EQ(table.tensors.size(), 2U);
  EXPECT_EQ(table.tensors[0].name, "module.b");
  EXPECT_EQ(table.tensors[1].name, "module.a");
  EXPECT_EQ(table.tensors[1].shape, (Shape{2, 3}));
  EXPECT_TRUE(table.tensors[1].is_contiguous());
  EXPECT_THAT(floats_of(table.tensors[1]), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_NE(table.tensors[0].storage, table.tensors[1].storage);
  EXPECT_EQ(table.metadata.at("epoch"), "7");
}

TEST(PthFile, ReadsABareStateDict) {
  const std::string file = build_checkpoint(pickle::whole(pickle::ordered_dict({{"w", pickle::tensor()}})),
                                            {{"0", float_bytes(6)}});
  const TensorTable table = read_pth(bytes_of(file), "a.pth");
  ASSERT_EQ(table.tensors.size(), 1U);
  EXPECT_THAT(table.metadata, IsEmpty());
}

TEST(PthFile, EpochIsTakenWhereItIsANumber) {
  const auto epoch = [](const std::string& value) {
    const std::string file = build_checkpoint(with_state({}, {{"epoch", value}}), {});
    const TensorTable table = read_pth(bytes_of(file), "a.pth");
    return table.metadata.contains("epoch") ? table.metadata.at("epoch") : "none";
  };
  EXPECT_EQ(epoch(pickle::integer(-1)), "-1");
  EXPECT_EQ(epoch(std::string("G\x3f\xf8\0\0\0\0\0\0", 9)), "1.5");
  EXPECT_EQ(epoch(pickle::text("last")), "none");
  EXPECT_EQ(epoch("N"), "none");
}

TEST(PthFile, TiedTensorsShareAStorage) {
  const std::string file =
      build_checkpoint(with_state({{"a", pickle::tensor()},
                                   {"b", pickle::tensor({.offset = 2, .sizes = {2}, .strides = {2}})}}),
                       {{"0", float_bytes(6)}});
  const TensorTable table = read_pth(bytes_of(file), "a.pth");
  EXPECT_EQ(table.tensors[0].storage, table.tensors[1].storage);
  EXPECT_FALSE(table.tensors[1].is_contiguous());
  EXPECT_THAT(floats_of(table.tensors[1]), ElementsAre(2, 4));
}

TEST(PthFile, ResolvesStridesOnReading) {
  const std::string transposed = with_tensor({.sizes = {3, 2}, .strides = {1, 3}});
  const TensorTable table = read_pth(bytes_of(transposed), "a.pth");
  EXPECT_FALSE(table.tensors[0].is_contiguous());
  EXPECT_THAT(floats_of(table.tensors[0]), ElementsAre(0, 3, 1, 4, 2, 5));
  const std::string expanded = with_tensor({.offset = 5, .sizes = {2, 2}, .strides = {0, 0}});
  EXPECT_THAT(floats_of(read_pth(bytes_of(expanded), "a.pth").tensors[0]), ElementsAre(5, 5, 5, 5));
  const std::string scalar = with_tensor({.offset = 4, .sizes = {}, .strides = {}});
  EXPECT_THAT(floats_of(read_pth(bytes_of(scalar), "a.pth").tensors[0]), ElementsAre(4));
  const std::string empty = with_tensor({.offset = 6, .sizes = {0, 1000}, .strides = {1000, 1}});
  EXPECT_THAT(floats_of(read_pth(bytes_of(empty), "a.pth").tensors[0]), IsEmpty());
}

TEST(PthFile, OtherBytesOfABoolAreTrue) {
  const std::string file = build_checkpoint(
      with_state(
          {{"w", pickle::tensor({.type = "BoolStorage", .elements = 3, .sizes = {3}, .strides = {1}})}}),
      {{"0", std::string("\0\1\x80", 3)}});
  const Tensor read = read_tensor(read_pth(bytes_of(file), "a.pth").tensors[0]);
  EXPECT_THAT(read.values<bool>(), ElementsAre(false, true, true));
}

TEST(PthFile, TensorsMustLieInTheirStorage) {
  const std::int64_t huge = INT64_MAX;
  const std::vector<pickle::TensorFields> outside = {
      {.offset = 1},
      {.sizes = {3, 3}},
      {.sizes = {2, 3}, .strides = {4, 1}},
      {.offset = 7, .sizes = {0}, .strides = {1}},
      {.offset = -1},
      {.offset = huge},
      {.offset = INT64_MIN},
      {.sizes = {2, 2}, .strides = {huge, huge}},
      {.sizes = {3}, .strides = {huge}},
  };
  for (const pickle::TensorFields& fields : outside) {
    EXPECT_THAT(error_of(ErrorKind::corrupt, with_tensor(fields)),
                AllOf(HasSubstr("a.pth: w: "), HasSubstr("reaches outside its storage of 6 elements")));
  }
}

TEST(PthFile, SizesAndStridesMustMakeSense) {
  const auto message = [](const pickle::TensorFields& fields) {
    return error_of(ErrorKind::corrupt, with_tensor(fields));
  };
  EXPECT_THAT(message({.sizes = {-2, 3}}), HasSubstr("a.pth: w: size: expected at least 0, found -2"));
  EXPECT_THAT(message({.strides = {-3, 1}}), HasSubstr("a.pth: w: stride: expected at least 0, found -3"));
  EXPECT_THAT(message({.sizes = {6}}), HasSubstr("expected 1 strides, found 2"));
  EXPECT_THAT(message({.sizes = {INT64_MAX, INT64_MAX}, .strides = {0, 0}}),
              HasSubstr("does not fit 63 bits"));
  EXPECT_THAT(message({.sizes = {INT64_MAX, INT64_MAX, 0}, .strides = {0, 0, 0}}),
              HasSubstr("does not fit 63 bits"));
  EXPECT_THAT(error_of(ErrorKind::unsupported, with_tensor({.sizes = std::vector<std::int64_t>(9, 1),
                                                            .strides = std::vector<std::int64_t>(9, 1)})),
              HasSubstr("expected at most 8 dimensions, found 9"));
  // 16 TB out of 24 bytes.
  EXPECT_THAT(error_of(ErrorKind::unsupported, with_tensor({.sizes = {1LL << 42}, .strides = {0}})),
              HasSubstr("w: [4398046511104] is expanded from a storage of 6 elements"));
}

TEST(PthFile, StoragesMustHaveTheSizeThatThePickleSays) {
  const auto message = [](const pickle::TensorFields& fields) {
    return error_of(ErrorKind::corrupt, with_tensor(fields));
  };
  EXPECT_THAT(message({.elements = 7}),
              HasSubstr("a.pth: w: storage '0': expected 7 elements of float32, found 24 bytes"));
  EXPECT_THAT(message({.type = "DoubleStorage"}),
              HasSubstr("expected 6 elements of float64, found 24 bytes"));
  EXPECT_THAT(message({.elements = -6}), HasSubstr("expected -6 elements"));
  EXPECT_THAT(message({.elements = (1LL << 62) + 6}), HasSubstr("expected 4611686018427387910 elements"));
  EXPECT_THAT(message({.key = "1"}), HasSubstr("a.pth: w: its storage 'model/data/1' is not in the archive"));
}

TEST(PthFile, SaysWhatIsNotAStateDict) {
  const auto file = [](const std::string& body) { return build_checkpoint(pickle::whole(body), {}); };
  EXPECT_THAT(error_of(ErrorKind::unsupported, file("K\x01")),
              HasSubstr("expected a dict with a state_dict"));
  EXPECT_THAT(error_of(ErrorKind::unsupported, file(pickle::dict({{"model", "N"}, {"step", "K\x01"}}))),
              HasSubstr("expected a dict with the key state_dict, or tensors by name; found model, step"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, file(pickle::dict({{"state_dict", "N"}}))),
              HasSubstr("state_dict: expected a dict, found None"));
  EXPECT_THAT(
      error_of(ErrorKind::unsupported, file(pickle::dict({{"state_dict", pickle::dict({{"w", "N"}})}}))),
      HasSubstr("state_dict: w: expected a tensor, found None"));
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, file("}(X" + std::string("\x0a\0\0\0", 4) + "state_dict}(K\x01Nuu")),
      HasSubstr("expected names of tensors, found an int"));
  EXPECT_THAT(error_of(ErrorKind::corrupt,
                       build_checkpoint(with_state({{"w", pickle::tensor()}, {"w", pickle::tensor()}}),
                                        {{"0", float_bytes(6)}})),
              HasSubstr("two tensors are named w"));
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, file(pickle::dict({{"state_dict", pickle::dict({{"\xff", "N"}})}}))),
      HasSubstr("is not UTF-8"));
}

TEST(PthFile, NamesTheGlobalOfAHostilePickle) {
  const std::string file = build_checkpoint(
      pickle::whole(pickle::global("os", "system") + pickle::tuple({pickle::text("id")}) + "R"), {});
  EXPECT_THAT(error_of(ErrorKind::unsupported, file),
              HasSubstr("a.pth: data.pkl: os system: not one of the types"));
}

// What the state dict does not use may be missing, compressed, or contradict itself.
TEST(PthFile, DoesNotLookAtTheOptimizer) {
  const std::string state = pickle::tensor({.key = "9", .elements = 1 << 20, .sizes = {-1}, .strides = {}});
  const std::string pickle =
      with_state({{"w", pickle::tensor()}}, {{"optimizer", pickle::dict({{"state", state}})}});
  BuiltZip zip = build_zip({{.name = "model/data.pkl", .data = pickle},
                            {.name = "model/data/0", .data = float_bytes(6)},
                            {.name = "model/data/8", .data = "abc", .method = 8},
                            {.name = "model/data/9", .data = "abcd"}});
  zip.patch(zip.local[3], std::uint64_t{0});
  EXPECT_EQ(read_pth(zip.span(), "a.pth").tensors.size(), 1U);
}

TEST(PthFile, ChecksByteOrderAndThePicklesChecksum) {
  const std::string pickle = with_state({{"w", pickle::tensor()}});
  const auto with_order = [&](const std::string& order) {
    return build_zip({{.name = "model/data.pkl", .data = pickle},
                      {.name = "model/byteorder", .data = order},
                      {.name = "model/data/0", .data = float_bytes(6)}});
  };
  EXPECT_EQ(read_pth(with_order("little").span(), "a.pth").tensors.size(), 1U);
  EXPECT_THAT(error_of(ErrorKind::unsupported, with_order("big").bytes),
              HasSubstr("byte order: expected little, found big"));
  BuiltZip damaged = with_order("little");
  const std::size_t at = damaged.bytes.find("state_dict");
  damaged.patch(at, 'S');
  EXPECT_THAT(error_of(ErrorKind::corrupt, damaged.bytes),
              HasSubstr("zip entry 'model/data.pkl' is damaged"));
}

TEST(PthFile, WantsOneDataPkl) {
  const std::string pickle = with_state({});
  const BuiltZip zip =
      build_zip({{.name = "a/data.pkl", .data = pickle}, {.name = "b/data.pkl", .data = pickle}});
  EXPECT_THAT(error_of(ErrorKind::corrupt, zip.bytes), HasSubstr("expected one data.pkl"));
  const BuiltZip deflated = build_zip({{.name = "a/data.pkl", .data = pickle, .method = 8}});
  EXPECT_THAT(error_of(ErrorKind::unsupported, deflated.bytes),
              HasSubstr("'a/data.pkl': expected it stored"));
}

}  // namespace
}  // namespace lpmc::test
