#include "lpmc/checkpoint/tensor_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc::test {
namespace {

StoredTensor stored(const Shape& shape, std::array<std::int64_t, Shape::kMaxRank> strides) {
  StoredTensor tensor;
  tensor.shape = shape;
  tensor.strides = strides;
  return tensor;
}

TEST(StoredTensor, IsContiguousAsTorchDefinesIt) {
  EXPECT_TRUE(stored({2, 3}, {3, 1}).is_contiguous());
  EXPECT_FALSE(stored({2, 3}, {1, 2}).is_contiguous());
  EXPECT_FALSE(stored({2, 3}, {6, 2}).is_contiguous());
  EXPECT_FALSE(stored({2, 3}, {0, 1}).is_contiguous());
  EXPECT_TRUE(stored({}, {}).is_contiguous());
  // The stride of a dimension of one element does not matter; nor any where there are no elements.
  EXPECT_TRUE(stored({1, 3}, {77, 1}).is_contiguous());
  EXPECT_TRUE(stored({3, 1}, {1, 77}).is_contiguous());
  EXPECT_TRUE(stored({0, 3}, {5, 7}).is_contiguous());
}

TEST(ReadTensor, CopiesFromUnalignedBytes) {
  std::vector<std::byte> bytes(1 + 4 * sizeof(double));
  const std::array<double, 4> values = {1, 2, 3, 4};
  std::memcpy(bytes.data() + 1, values.data(), sizeof values);
  StoredTensor tensor = stored({2, 2}, {2, 1});
  tensor.dtype = DType::f64;
  tensor.data = bytes.data() + 1;
  EXPECT_TRUE(std::ranges::equal(read_tensor(tensor).values<double>(), values));
  tensor.strides = {1, 2};
  const std::array<double, 4> transposed = {1, 3, 2, 4};
  EXPECT_TRUE(std::ranges::equal(read_tensor(tensor).values<double>(), transposed));
}

}  // namespace
}  // namespace lpmc::test
