#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace lpmc {

/// Sizes of a tensor's dimensions, outermost first. Rank 0 is a scalar. Lives on the stack.
class Shape {
 public:
  static constexpr std::size_t kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);
  /// @throws Error(invalid_argument) on a rank over kMaxRank, a negative size, or a number of
  /// elements that does not fit 63 bits
  explicit Shape(std::span<const std::int64_t> sizes);

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t dimension) const { return sizes_[dimension]; }
  std::span<const std::int64_t> sizes() const { return {sizes_.data(), rank_}; }
  /// Product of the sizes; 1 for rank 0.
  std::int64_t elements() const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  std::size_t rank_ = 0;
};

/// "[768, 128, 3]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

}  // namespace lpmc
