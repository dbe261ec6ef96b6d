#include "lpmc/ops/packed_weights.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include <sys/mman.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/product_kernels.h"
#include "lpmc/ops/shape_checks.h"
#include "lpmc/tensor/int8_rows.h"

namespace lpmc {
namespace {

using products::kGroupBytes;
using products::kPanelColumns;
using products::kPanelRowBytes;

/// Rows that one unit of parallel work takes: few enough to stay in the second-level cache, many enough
/// to use a slice of weights well.
constexpr std::int64_t kRowBlock = 128;
/// Weights that one unit takes: some microseconds of streaming, so that a busy core holds nobody up long.
constexpr std::int64_t kSliceBytes = 64 << 10;
/// Wide layers take larger slices: more than this many units a product only cost their hand-out.
constexpr std::int64_t kManyUnits = 128;
/// Below this much work the conversion of the left-hand side is not worth sharing.
constexpr std::int64_t kSharedConversion = 1 << 16;

std::int64_t padded_groups(std::int64_t depth, DType arithmetic) {
  const std::int64_t bytes = depth * static_cast<std::int64_t>(size_of(arithmetic));
  const std::int64_t groups = (bytes + kGroupBytes - 1) / kGroupBytes;
  if (arithmetic == DType::f32) return groups;
  return (groups + products::kTileGroups - 1) / products::kTileGroups * products::kTileGroups;
}

products::Kernel kernel_of(DType arithmetic) {
  const products::Table& table = products::best();
  if (arithmetic == DType::f32) return table.f32;
  return arithmetic == DType::bf16 ? table.bf16 : table.int8.multiply;
}

/// int8 panels hold q + 128.
constexpr std::uint32_t kInt8Bias = 0x80808080U;

}  // namespace

Tensor packed_buffer(std::int64_t bytes) {
  Tensor buffer({bytes}, DType::u8);
  constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
  const auto begin = std::bit_cast<std::uintptr_t>(buffer.view().bytes());
  const std::uintptr_t end = begin + static_cast<std::uintptr_t>(bytes);
  const std::uintptr_t first = (begin + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t last = end / kLargePage * kLargePage;
  // Advice only: whatever the kernel answers, the memory is good.
  if (first < last) ::madvise(std::bit_cast<void*>(first), last - first, MADV_HUGEPAGE);
  return buffer;
}

void copy_bias(ConstTensorView bias, std::span<float> target) {
  std::fill(target.begin(), target.end(), 0.0F);
  if (bias.is_null()) return;
  const Shape shape{static_cast<std::int64_t>(target.size())};
  LPMC_REQUIRE(bias.shape() == shape, invalid_argument, "bias: expected {}, found {}", to_string(shape),
               to_string(bias.shape()));
  convert_to_float(bias, {target.data(), DType::f32, shape});
}

void ConvertedRows::convert(DType arithmetic, std::int64_t rows, std::int64_t depth, const RowOf& row_of) {
  rows_ = rows;
  stride_ = padded_groups(depth, arithmetic) * kGroupBytes;
  if (values_.elements() < rows * stride_) values_ = Tensor({rows * stride_}, DType::u8);
  if (scales_.elements() < rows) {
    scales_ = Tensor({rows});
    sums_ = Tensor({rows}, DType::i32);
  }
  std::byte* values = values_.mutable_view().mutable_bytes();
  float* scales = scales_.mutable_data<float>();
  std::int32_t* sums = sums_.mutable_data<std::int32_t>();
  const kernels::Table& kernel = kernels::best();
  const std::int64_t used = depth * static_cast<std::int64_t>(size_of(arithmetic));
  const auto convert_row = [&](std::int64_t row) {
    static thread_local std::vector<float> scratch;
    if (scratch.size() < static_cast<std::size_t>(depth)) scratch.resize(static_cast<std::size_t>(depth));
    const float* x = row_of(row, scratch.data());
    std::byte* target = values + row * stride_;
    std::memset(target + used, 0, static_cast<std::size_t>(stride_ - used));
    if (arithmetic == DType::i8) {
      const kernels::QuantizedRow quantized =
          kernel.quantize_row(x, reinterpret_cast<signed char*>(target), depth);
      scales[row] = quantized.scale;
      sums[row] = quantized.sum;
    } else if (arithmetic == DType::bf16) {
      kernel.to_bfloat16(x, reinterpret_cast<unsigned short*>(target), depth);
    } else {
      std::memcpy(target, x, static_cast<std::size_t>(used));
    }
  };
  if (rows * depth >= kSharedConversion) {
    parallel_for(rows, convert_row);
  } else {
    for (std::int64_t row = 0; row < rows; ++row)
      convert_row(row);
  }
}

ProductRows ConvertedRows::rows(float* y, std::int64_t y_stride, const float* residual) const {
  return {.values = values_.view().bytes(),
          .stride = stride_,
          .rows = rows_,
          .scales = scales_.data<float>(),
          .sums = sums_.data<std::int32_t>(),
          .y = y,
          .y_stride = y_stride,
          .residual = residual};
}

PackedMatrix::PackedMatrix(std::int64_t columns, std::int64_t depth, DType arithmetic)
    : arithmetic_(arithmetic), columns_(columns), depth_(depth) {
  LPMC_REQUIRE(arithmetic == DType::f32 || arithmetic == DType::bf16 || arithmetic == DType::i8,
               invalid_argument, "arithmetic: expected float32, bfloat16 or int8, found {}",
               to_string(arithmetic));
  groups_ = padded_groups(depth, arithmetic);
  weights_ = packed_buffer(panels() * panel_bytes());
  bias_ = Tensor::zeros({panels() * kPanelColumns});
  if (arithmetic == DType::i8) scales_ = Tensor::zeros({panels() * kPanelColumns});
  // The columns that nobody fills, of the last panel, take part in the products.
  if (columns % kPanelColumns != 0) {
    std::memset(weights_.mutable_view().mutable_bytes() + (panels() - 1) * panel_bytes(), 0,
                static_cast<std::size_t>(panel_bytes()));
  }
}

std::int64_t PackedMatrix::panels() const {
  return (columns_ + kPanelColumns - 1) / kPanelColumns;
}

std::int64_t PackedMatrix::panel_bytes() const {
  return groups_ * kPanelRowBytes;
}

std::size_t PackedMatrix::size_bytes() const {
  return weights_.view().size_bytes() + bias_.view().size_bytes() + scales_.view().size_bytes();
}

namespace {

/// One column's weights in the arithmetic's type, padded; made in scratch or, where they lie ready, in place.
class ColumnReader {
 public:
  ColumnReader(const PackedMatrix::Source& source, std::int64_t depth, std::int64_t groups, DType arithmetic)
      : source_(source), depth_(depth), arithmetic_(arithmetic) {
    const bool whole_groups = depth * static_cast<std::int64_t>(size_of(arithmetic)) == groups * kGroupBytes;
    in_place_ = source.weight.dtype() == arithmetic && source.taps == 1 && whole_groups;
    if (in_place_) return;
    floats_.resize(static_cast<std::size_t>(depth));
    ordered_.resize(static_cast<std::size_t>(depth));
    bytes_.resize(static_cast<std::size_t>(groups * kGroupBytes));
  }

  /// @param index of the column in the source   @param scale set for int8
  const std::byte* read(std::int64_t index, float& scale) {
    const ConstTensorView row(source_.weight.bytes() + index * depth_ * element_bytes(),
                              source_.weight.dtype(), {depth_});
    if (source_.weight.dtype() == DType::i8) scale = source_.scale.data<float>()[index];
    if (in_place_) return row.bytes();
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    if (row.dtype() == arithmetic_) {
      reorder(row.bytes(), bytes_.data(), size_of(arithmetic_));
      return bytes_.data();
    }
    convert_to_float(row, {floats_.data(), DType::f32, {depth_}});
    if (row.dtype() == DType::i8) {
      for (float& value : floats_)
        value *= scale;
    }
    reorder(reinterpret_cast<const std::byte*>(floats_.data()), reinterpret_cast<std::byte*>(ordered_.data()),
            sizeof(float));
    convert_ordered(scale);
    return bytes_.data();
  }

 private:
  std::int64_t element_bytes() const { return static_cast<std::int64_t>(size_of(source_.weight.dtype())); }

  /// [inner, taps] to [taps, inner].
  void reorder(const std::byte* from, std::byte* to, std::size_t element) const {
    const auto taps = static_cast<std::size_t>(source_.taps);
    const std::size_t inner = static_cast<std::size_t>(depth_) / taps;
    if (taps == 1) {
      std::memcpy(to, from, inner * element);
      return;
    }
    for (std::size_t tap = 0; tap < taps; ++tap) {
      for (std::size_t i = 0; i < inner; ++i)
        std::memcpy(to + (tap * inner + i) * element, from + (i * taps + tap) * element, element);
    }
  }

  void convert_ordered(float& scale) {
    if (arithmetic_ == DType::i8) {
      scale = quantize_row(ordered_, {reinterpret_cast<std::int8_t*>(bytes_.data()), ordered_.size()});
    } else if (arithmetic_ == DType::bf16) {
      kernels::best().to_bfloat16(ordered_.data(), reinterpret_cast<unsigned short*>(bytes_.data()), depth_);
    } else {
      std::memcpy(bytes_.data(), ordered_.data(), ordered_.size() * sizeof(float));
    }
  }

  const PackedMatrix::Source& source_;
  std::int64_t depth_;
  DType arithmetic_;
  bool in_place_ = false;
  std::vector<float> floats_, ordered_;
  std::vector<std::byte> bytes_;
};

void require_source(const PackedMatrix::Source& source) {
  const DType dtype = source.weight.dtype();
  if (dtype != DType::i8) {
    require_weight_type("linear", source.weight);
    return;
  }
  const Shape expected{source.weight.size(0)};
  LPMC_REQUIRE(
      !source.scale.is_null() && source.scale.dtype() == DType::f32 && source.scale.shape() == expected,
      invalid_argument, "linear: scale: expected float32 {} beside an int8 weight, found {}",
      to_string(expected), source.scale.is_null() ? "none" : to_string(source.scale.shape()));
}

}  // namespace

void PackedMatrix::pack_panel(std::int64_t panel, std::int64_t first_column, const Source& source) {
  const std::int64_t begin = std::max(first_column, panel * kPanelColumns);
  const std::int64_t end = std::min(first_column + source.weight.size(0), (panel + 1) * kPanelColumns);
  ColumnReader reader(source, depth_, groups_, arithmetic_);
  std::byte* target = weights_.mutable_view().mutable_bytes() + panel * panel_bytes();
  const std::uint32_t bias = arithmetic_ == DType::i8 ? kInt8Bias : 0;
  for (std::int64_t column = begin; column < end; ++column) {
    float scale = 1;
    const std::byte* from = reader.read(column - first_column, scale);
    std::byte* to = target + column % kPanelColumns * kGroupBytes;
    for (std::int64_t group = 0; group < groups_; ++group) {
      std::uint32_t value;
      std::memcpy(&value, from + group * kGroupBytes, sizeof value);
      value ^= bias;
      std::memcpy(to + group * kPanelRowBytes, &value, sizeof value);
    }
    if (arithmetic_ == DType::i8) scales_.mutable_data<float>()[column] = scale;
  }
}

void PackedMatrix::pack(std::int64_t first_column, const Source& source) {
  require_source(source);
  const std::int64_t count = source.weight.size(0);
  if (count == 0) return;
  copy_bias(source.bias, bias_.mutable_values<float>().subspan(static_cast<std::size_t>(first_column),
                                                               static_cast<std::size_t>(count)));
  const std::int64_t first = first_column / kPanelColumns;
  const std::int64_t last = (first_column + count - 1) / kPanelColumns;
  parallel_for(last - first + 1,
               [&](std::int64_t index) { pack_panel(first + index, first_column, source); });
}

/// A unit of parallel work: some rows by some panels.
struct PackedMatrix::Unit {
  const ProductRows* run = nullptr;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t first_panel = 0;
  std::int64_t panels = 0;
};

void PackedMatrix::multiply_unit(const Unit& unit, bool gelu) const {
  const ProductRows& run = *unit.run;
  const std::int64_t first_column = unit.first_panel * kPanelColumns;
  const std::int64_t width = std::min(unit.panels * kPanelColumns, columns_ - first_column);
  const std::int64_t whole_panels = width / kPanelColumns;
  float* y = run.y + unit.first_row * run.y_stride + first_column;
  products::Block block{.a = run.values + unit.first_row * run.stride,
                        .a_stride = run.stride,
                        .rows = unit.rows,
                        .groups = groups_,
                        .b = weights_.view().bytes() + unit.first_panel * panel_bytes(),
                        .panels = whole_panels,
                        .c = reinterpret_cast<std::byte*>(y),
                        .c_stride = run.y_stride * static_cast<std::int64_t>(sizeof(float))};
  const products::Kernel kernel = kernel_of(arithmetic_);
  if (whole_panels > 0) kernel(block);
  if (const std::int64_t rest = width % kPanelColumns; rest != 0) {
    // A panel that sticks out over the end of y's rows.
    alignas(64) float whole[kRowBlock * kPanelColumns];
    block.b += whole_panels * panel_bytes();
    block.panels = 1;
    block.c = reinterpret_cast<std::byte*>(whole);
    block.c_stride = kPanelRowBytes;
    kernel(block);
    for (std::int64_t row = 0; row < unit.rows; ++row) {
      std::memcpy(y + row * run.y_stride + whole_panels * kPanelColumns, whole + row * kPanelColumns,
                  static_cast<std::size_t>(rest) * sizeof(float));
    }
  }
  const kernels::Table& finish = kernels::best();
  if (arithmetic_ == DType::i8) {
    finish.scale_rows({.y = y,
                       .y_stride = run.y_stride,
                       .rows = unit.rows,
                       .columns = width,
                       .row_scales = run.scales + unit.first_row,
                       .row_sums = run.sums + unit.first_row,
                       .column_scales = scales_.data<float>() + first_column,
                       .offset = products::best().int8.offset});
  }
  const float* residual =
      run.residual == nullptr ? nullptr : run.residual + unit.first_row * run.y_stride + first_column;
  finish.finish_rows({.y = y,
                      .y_stride = run.y_stride,
                      .rows = unit.rows,
                      .columns = width,
                      .bias = bias_.data<float>() + first_column,
                      .residual = residual,
                      .residual_stride = run.y_stride,
                      .gelu = gelu});
}

void PackedMatrix::multiply(std::span<const ProductRows> runs, bool gelu) const {
  std::int64_t row_blocks = 0;
  for (const ProductRows& run : runs)
    row_blocks += (run.rows + kRowBlock - 1) / kRowBlock;
  if (row_blocks == 0 || columns_ == 0) return;
  // Even, because kernels take panels in pairs.
  const std::int64_t fitting = std::max<std::int64_t>(1, kSliceBytes / panel_bytes() / 2) * 2;
  const std::int64_t wide = panels() / (kManyUnits / std::min<std::int64_t>(row_blocks, 8)) / 2 * 2;
  const std::int64_t per_slice = std::max(fitting, std::min(wide, fitting * 4));
  const std::int64_t slices = (panels() + per_slice - 1) / per_slice;
  // Row blocks innermost: neighbours in time share a slice of weights.
  parallel_for(slices * row_blocks, [&](std::int64_t index) {
    const std::int64_t slice = index / row_blocks;
    std::int64_t row_block = index % row_blocks;
    const ProductRows* run = runs.data();
    for (std::int64_t blocks = (run->rows + kRowBlock - 1) / kRowBlock; row_block >= blocks;
         blocks = (run->rows + kRowBlock - 1) / kRowBlock) {
      row_block -= blocks;
      ++run;
    }
    Unit unit;
    unit.run = run;
    unit.first_row = row_block * kRowBlock;
    unit.rows = std::min(kRowBlock, run->rows - unit.first_row);
    unit.first_panel = slice * per_slice;
    unit.panels = std::min(per_slice, panels() - unit.first_panel);
    multiply_unit(unit, gelu);
  });
}

void PackedMatrix::copy_column(std::int64_t column, float* target) const {
  const std::byte* from =
      weights_.view().bytes() + column / kPanelColumns * panel_bytes() + column % kPanelColumns * kGroupBytes;
  const auto element = [&](std::int64_t i, auto type) {
    decltype(type) value;
    const std::int64_t offset = i * static_cast<std::int64_t>(sizeof value);
    std::memcpy(&value, from + offset / kGroupBytes * kPanelRowBytes + offset % kGroupBytes, sizeof value);
    return value;
  };
  if (arithmetic_ == DType::i8) {
    const float scale = scales_.data<float>()[column];
    for (std::int64_t i = 0; i < depth_; ++i)
      target[i] = static_cast<float>(static_cast<int>(element(i, std::uint8_t{})) - 128) * scale;
  } else if (arithmetic_ == DType::bf16) {
    for (std::int64_t i = 0; i < depth_; ++i)
      target[i] = to_float(element(i, BFloat16{}));
  } else {
    for (std::int64_t i = 0; i < depth_; ++i)
      target[i] = element(i, float{});
  }
}

}  // namespace lpmc
