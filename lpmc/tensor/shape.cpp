#include "lpmc/tensor/shape.h"

#include <algorithm>

#include "lpmc/base/error.h"

namespace lpmc {

Shape::Shape(std::initializer_list<std::int64_t> sizes)
    : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(sizes.size()) {
  LPMC_REQUIRE(sizes.size() <= kMaxRank, invalid_argument, "shape: expected at most {} dimensions, found {}",
               kMaxRank, sizes.size());
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    LPMC_REQUIRE(sizes[i] >= 0, invalid_argument, "shape: expected sizes of at least 0, found {}", sizes[i]);
    LPMC_REQUIRE(!__builtin_mul_overflow(elements, std::max<std::int64_t>(sizes[i], 1), &elements),
                 invalid_argument, "shape: the number of elements does not fit 63 bits");
    sizes_[i] = sizes[i];
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes())
    product *= size;
  return product;
}

bool operator==(const Shape& a, const Shape& b) {
  return std::ranges::equal(a.sizes(), b.sizes());
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.sizes(), ", "));
}

}  // namespace lpmc
