#include "lpmc/ops/packed_weights.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include <sys/mman.h>

#include "lpmc/base/error.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {
namespace {

// Measured with one and two threads at 1 to 480 rows: 64 wide slices lose a quarter to the hand-out
// and to the product's edges, wider ones than these gain nothing. Layers of few outputs get narrower
// slices so that there are enough of them to share.
constexpr std::int64_t kNarrow = 128;
constexpr std::int64_t kWide = 192;
constexpr std::int64_t kManyOutputs = 2048;

template <class T>
float as_float(T value) {
  if constexpr (std::is_same_v<T, float>) {
    return value;
  } else {
    return to_float(value);
  }
}

template <class T>
void pack_elements(const StridedRows& s, float* target, std::int64_t target_stride) {
  const T* source = s.source.data<T>() + s.first;
  // A band of columns at a time, so that the lines written stay in the first-level cache.
  constexpr std::int64_t kBand = 32;
  for (std::int64_t band = 0; band < s.columns; band += kBand) {
    const std::int64_t end = std::min(s.columns, band + kBand);
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const T* line = source + row * s.row_stride;
      for (std::int64_t column = band; column < end; ++column) {
        target[column * target_stride + row] = as_float(line[column * s.column_stride]);
      }
    }
  }
}

}  // namespace

SliceLayout::SliceLayout(std::int64_t out_features)
    : out_features_(out_features), width_(out_features >= kManyOutputs ? kWide : kNarrow) {}

std::int64_t SliceLayout::width(std::int64_t slice) const {
  return std::min(width_, out_features_ - first(slice));
}

Tensor packed_buffer(std::int64_t elements) {
  Tensor buffer({elements});
  constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
  const auto begin = std::bit_cast<std::uintptr_t>(buffer.data<float>());
  const std::uintptr_t end = begin + static_cast<std::uintptr_t>(elements) * sizeof(float);
  const std::uintptr_t first = (begin + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t last = end / kLargePage * kLargePage;
  // Advice only: whatever the kernel answers, the memory is good.
  if (first < last) ::madvise(std::bit_cast<void*>(first), last - first, MADV_HUGEPAGE);
  return buffer;
}

void pack_transposed(const StridedRows& source, float* target, std::int64_t target_stride) {
  switch (source.source.dtype()) {
    case DType::f32:
      return pack_elements<float>(source, target, target_stride);
    case DType::f16:
      return pack_elements<Half>(source, target, target_stride);
    case DType::bf16:
      return pack_elements<BFloat16>(source, target, target_stride);
    default:
      require_weight_type("pack", source.source);
  }
}

void copy_bias(ConstTensorView bias, std::span<float> target) {
  std::fill(target.begin(), target.end(), 0.0F);
  if (bias.is_null()) return;
  const Shape shape{static_cast<std::int64_t>(target.size())};
  LPMC_REQUIRE(bias.shape() == shape, invalid_argument, "bias: expected {}, found {}", to_string(shape),
               to_string(bias.shape()));
  convert_to_float(bias, {target.data(), DType::f32, shape});
}

}  // namespace lpmc
