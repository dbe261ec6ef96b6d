#include "lpmc/ops/conv1d.h"

#include <algorithm>
#include <vector>

#include "lpmc/ops/shape_checks.h"

namespace lpmc {
namespace {

/// Channels of `length` positions, and what a kernel of 3 sees of them. Positions are neighbours in
/// memory, so a window is one run of floats; where it sticks out over an end it is put together.
struct Windows {
  const float* x = nullptr;
  std::int64_t length = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 1;

  bool is_whole(std::int64_t position) const {
    return position * stride >= 1 && position * stride + 1 < length;
  }
  const float* whole(std::int64_t position) const { return x + (position * stride - 1) * channels; }
  void copy(std::int64_t position, float* target) const {
    for (std::int64_t tap = 0; tap < PackedConv1d::kTaps; ++tap) {
      const std::int64_t from = position * stride + tap - 1;
      float* to = target + tap * channels;
      if (from >= 0 && from < length) {
        std::copy_n(x + from * channels, channels, to);
      } else {
        std::fill_n(to, channels, 0.0F);
      }
    }
  }
};

}  // namespace

PackedConv1d::PackedConv1d(const LinearPart& part, std::int64_t stride, DType arithmetic) : stride_(stride) {
  const Shape& shape = part.weight.shape();
  LPMC_REQUIRE(shape.rank() == 3 && shape[1] > 0 && shape[2] == kTaps, invalid_argument,
               "conv1d: weight: expected [out, in, {}], found {}", kTaps, to_string(shape));
  LPMC_REQUIRE(stride == 1 || stride == 2, invalid_argument, "conv1d: stride: expected 1 or 2, found {}",
               stride);
  matrix_ = PackedMatrix(shape[0], shape[1] * kTaps, arithmetic);
  matrix_.pack(0, {.weight = part.weight, .scale = part.scale, .bias = part.bias, .taps = kTaps});
}

void PackedConv1d::forward(ConstTensorView x, TensorView y, bool gelu) const {
  require_rank("conv1d", "x", x, 3);
  const std::int64_t batch = x.size(0);
  const std::int64_t length = x.size(1);
  require_tensor("conv1d", "x", x, {batch, length, in_channels()});
  require_tensor("conv1d", "y", y, {batch, out_length(length), out_channels()});
  LPMC_REQUIRE(x.elements() == 0 || y.bytes() != x.bytes(), invalid_argument,
               "conv1d: y: expected memory apart from x");
  if (batch == 0 || length == 0) return;
  if (matrix_.arithmetic() == DType::f32) {
    forward_float(x, y, gelu);
  } else {
    forward_converted(x, y, gelu);
  }
}

/// Whole windows are the rows of a product as they lie; those at the ends of all items are copied.
void PackedConv1d::forward_float(ConstTensorView x, TensorView y, bool gelu) const {
  const std::int64_t batch = x.size(0);
  const std::int64_t depth = matrix_.depth();
  const std::int64_t positions = out_length(x.size(1));
  Windows windows{nullptr, x.size(1), in_channels(), stride_};
  std::vector<std::int64_t> ends;
  for (std::int64_t position = 0; position < positions; ++position) {
    if (!windows.is_whole(position)) ends.push_back(position);
  }
  const auto end_count = static_cast<std::int64_t>(ends.size());
  const std::int64_t first_whole = windows.is_whole(0) ? 0 : 1;  // only ends are not whole
  Tensor copies({end_count, batch, depth});
  std::vector<ProductRows> runs;
  for (std::int64_t item = 0; item < batch; ++item) {
    windows.x = x.data<float>() + item * x.size(1) * x.size(2);
    for (std::int64_t i = 0; i < end_count; ++i)
      windows.copy(ends[static_cast<std::size_t>(i)],
                   copies.mutable_data<float>() + (i * batch + item) * depth);
    if (positions == end_count) continue;
    runs.push_back({.values = reinterpret_cast<const std::byte*>(windows.whole(first_whole)),
                    .stride = stride_ * in_channels() * static_cast<std::int64_t>(sizeof(float)),
                    .rows = positions - end_count,
                    .y = y.mutable_data<float>() + (item * positions + first_whole) * out_channels(),
                    .y_stride = out_channels()});
  }
  for (std::int64_t i = 0; i < end_count; ++i) {
    runs.push_back({.values = copies.view()[i].bytes(),
                    .stride = depth * static_cast<std::int64_t>(sizeof(float)),
                    .rows = batch,
                    .y = y.mutable_data<float>() + ends[static_cast<std::size_t>(i)] * out_channels(),
                    .y_stride = positions * out_channels()});
  }
  matrix_.multiply(runs, gelu);
}

void PackedConv1d::forward_converted(ConstTensorView x, TensorView y, bool gelu) const {
  const std::int64_t positions = out_length(x.size(1));
  static thread_local ConvertedRows converted;
  converted.convert(matrix_.arithmetic(), x.size(0) * positions, matrix_.depth(),
                    [&](std::int64_t row, float* scratch) -> const float* {
                      const Windows windows{x.data<float>() + row / positions * x.size(1) * x.size(2),
                                            x.size(1), in_channels(), stride_};
                      const std::int64_t position = row % positions;
                      if (windows.is_whole(position)) return windows.whole(position);
                      windows.copy(position, scratch);
                      return scratch;
                    });
  const ProductRows run = converted.rows(y.mutable_data<float>(), out_channels(), nullptr);
  matrix_.multiply({&run, 1}, gelu);
}

}  // namespace lpmc
