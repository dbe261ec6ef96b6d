#include "lpmc/ops/packed_weights.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/product_kernels.h"
#include "lpmc/ops/shape_checks.h"
#include "lpmc/ops/weight_memory.h"
#include "lpmc/tensor/int8_rows.h"

namespace lpmc {
namespace {

using products::kGroupBytes;
using products::kPanelColumns;
using products::kPanelRowBytes;

/// Rows that one unit of parallel work takes: few enough to stay in the second-level cache, many enough
/// to use a slice of weights well.
constexpr std::int64_t kRowBlock = 128;
/// Sums that a unit holds before they become results: two panels by all of its rows.
constexpr std::int64_t kSums = kRowBlock * 2 * kPanelColumns;
/// Most weights that one unit takes: some ten microseconds of streaming, so that a busy core holds nobody
/// up long.
constexpr std::int64_t kSliceBytes = 256 << 10;
/// Units for every thread: enough to even out threads of unequal speed; each more costs its hand-out.
constexpr std::int64_t kUnitsPerThread = 4;
/// Below this much work the conversion of the left-hand side is not worth sharing.
constexpr std::int64_t kSharedConversion = 1 << 13;

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
    zeros_ = Tensor({rows}, DType::i32);
  }
  std::byte* values = values_.mutable_view().mutable_bytes();
  float* scales = scales_.mutable_data<float>();
  std::int32_t* sums = sums_.mutable_data<std::int32_t>();
  std::int32_t* zeros = zeros_.mutable_data<std::int32_t>();
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
      zeros[row] = quantized.zero;
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
          .zeros = zeros_.data<std::int32_t>(),
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
  weights_ = weight_memory(panels() * panel_bytes());
  bias_ = Tensor::zeros({panels() * kPanelColumns});
  if (arithmetic == DType::i8) {
    scales_ = Tensor::zeros({panels() * kPanelColumns});
    column_sums_ = Tensor::zeros({panels() * kPanelColumns}, DType::i32);
  }
  // The columns that nobody fills, of the last panel, take part in the products.
  if (columns % kPanelColumns != 0) {
    std::memset(weights_.get() + (panels() - 1) * panel_bytes(), 0, static_cast<std::size_t>(panel_bytes()));
  }
}

std::int64_t PackedMatrix::panels() const {
  return (columns_ + kPanelColumns - 1) / kPanelColumns;
}

std::int64_t PackedMatrix::panel_bytes() const {
  return groups_ * kPanelRowBytes;
}

std::size_t PackedMatrix::size_bytes() const {
  return static_cast<std::size_t>(panels() * panel_bytes()) + bias_.view().size_bytes() +
         scales_.view().size_bytes() + column_sums_.view().size_bytes();
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
  std::byte* target = weights_.get() + panel * panel_bytes();
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
    if (arithmetic_ == DType::i8) {
      scales_.mutable_data<float>()[column] = scale;
      const auto* q = reinterpret_cast<const std::int8_t*>(from);
      column_sums_.mutable_data<std::int32_t>()[column] = std::accumulate(q, q + groups_ * kGroupBytes, 0);
    }
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

namespace {

/// Results are a few lines here and there in rows that are far apart: the processor foresees none of them,
/// and gets them while the product is formed.
void ask_for_rows(const float* y, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kLine = 64 / sizeof(float);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < columns; i += kLine)
      __builtin_prefetch(y + row * stride + i, 1, 2);
  }
}

}  // namespace

void PackedMatrix::multiply_unit(const Unit& unit, bool gelu) const {
  const ProductRows& run = *unit.run;
  const products::Kernel kernel = kernel_of(arithmetic_);
  const bool is_int8 = arithmetic_ == DType::i8;
  // Sums go to memory that stays in the first-level cache, and once from there to y.
  alignas(64) float sums[kSums];
  const std::int64_t at_once = std::max<std::int64_t>(2, kSums / unit.rows / kPanelColumns / 2 * 2);
  for (std::int64_t done = 0; done < unit.panels; done += at_once) {
    const std::int64_t panel = unit.first_panel + done;
    const std::int64_t panels = std::min(at_once, unit.panels - done);
    const std::int64_t column = panel * kPanelColumns;
    const std::int64_t offset = unit.first_row * run.y_stride + column;
    const std::int64_t columns = std::min(panels * kPanelColumns, columns_ - column);
    ask_for_rows(run.y + offset, run.y_stride, unit.rows, columns);
    kernel({.a = run.values + unit.first_row * run.stride,
            .a_stride = run.stride,
            .rows = unit.rows,
            .groups = groups_,
            .b = weights_.get() + panel * panel_bytes(),
            .panels = panels,
            .c = reinterpret_cast<std::byte*>(sums),
            .c_stride = panels * kPanelRowBytes});
    kernels::best().finish_rows(
        {.sums = sums,
         .sums_stride = panels * kPanelColumns,
         .y = run.y + offset,
         .y_stride = run.y_stride,
         .rows = unit.rows,
         .columns = columns,
         .row_scales = is_int8 ? run.scales + unit.first_row : nullptr,
         .row_sums = is_int8 ? run.sums + unit.first_row : nullptr,
         .zeros = is_int8 ? run.zeros + unit.first_row : nullptr,
         .column_scales = is_int8 ? scales_.data<float>() + column : nullptr,
         .column_sums = is_int8 ? column_sums_.data<std::int32_t>() + column : nullptr,
         .offset = is_int8 ? products::best().int8.offset : 0,
         .bias = bias_.data<float>() + column,
         .residual = run.residual == nullptr ? nullptr : run.residual + offset,
         .gelu = gelu});
  }
}

void PackedMatrix::multiply(std::span<const ProductRows> runs, bool gelu) const {
  std::int64_t row_blocks = 0;
  for (const ProductRows& run : runs)
    row_blocks += (run.rows + kRowBlock - 1) / kRowBlock;
  if (row_blocks == 0 || columns_ == 0) return;
  // Even, because kernels take panels in pairs.
  const std::int64_t most = kSliceBytes / panel_bytes();
  const std::int64_t fair = panels() * row_blocks / (num_threads() * kUnitsPerThread);
  const std::int64_t per_slice = std::max<std::int64_t>(1, std::min(most, fair) / 2) * 2;
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
      weights_.get() + column / kPanelColumns * panel_bytes() + column % kPanelColumns * kGroupBytes;
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
