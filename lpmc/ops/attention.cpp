#include "lpmc/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lpmc/base/threads.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {
namespace {

/// Channels that one unit of work takes: a few heads of a row, so that even one row can be shared.
constexpr std::int64_t kChannels = 256;

template <class KeyValues>
std::int64_t check(ConstTensorView queries, std::span<const KeyValues> key_values, int heads,
                   TensorView out) {
  require_rank("attention", "queries", queries, 2);
  require_rank("attention", "out", out, 2);
  const std::int64_t rows = queries.size(0);
  const std::int64_t d = out.size(1);
  require_tensor("attention", "out", out, {rows, d});
  LPMC_REQUIRE(queries.size(1) >= d, invalid_argument,
               "attention: queries: expected at least {} columns, found {}", d, queries.size(1));
  LPMC_REQUIRE(heads >= 1 && d >= heads && d % heads == 0, invalid_argument,
               "attention: heads: expected a divisor of {}, found {}", d, heads);
  LPMC_REQUIRE(static_cast<std::int64_t>(key_values.size()) == rows, invalid_argument,
               "attention: keys: expected {} rows, found {}", rows, key_values.size());
  std::int64_t most = 0;
  for (const KeyValues& row : key_values) {
    LPMC_REQUIRE(row.count >= 1, invalid_argument, "attention: keys: expected at least one, found {}",
                 row.count);
    most = std::max(most, row.count);
  }
  return most;
}

/// Calls attend(row, first channel, head) for every head of every row.
template <class Attend>
void for_heads(ConstTensorView queries, int heads, TensorView out, Attend&& attend) {
  const std::int64_t d = out.size(1);
  const std::int64_t head_dim = d / heads;
  const std::int64_t per_group = std::clamp<std::int64_t>(kChannels / head_dim, 1, heads);
  const std::int64_t groups = (heads + per_group - 1) / per_group;
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  parallel_for(out.size(0) * groups, [&](std::int64_t index) {
    const std::int64_t row = index / groups;
    const std::int64_t first = index % groups * per_group;
    for (std::int64_t i = first; i < std::min<std::int64_t>(heads, first + per_group); ++i) {
      const std::int64_t channel = i * head_dim;
      attend(row, channel,
             kernels::Head{.query = queries.data<float>() + row * queries.size(1) + channel,
                           .size = head_dim,
                           .scale = scale,
                           .out = out.mutable_data<float>() + row * d + channel});
    }
  });
}

/// Scratch of the calling thread; grows to the longest row and stays.
float* scores(std::int64_t count) {
  static thread_local std::vector<float> buffer;
  if (buffer.size() < static_cast<std::size_t>(count)) buffer.resize(static_cast<std::size_t>(count));
  return buffer.data();
}

}  // namespace

void attention(ConstTensorView queries, std::span<const ContiguousKeyValues> key_values, int heads,
               TensorView out) {
  const std::int64_t most = check(queries, key_values, heads, out);
  const kernels::Table& kernel = kernels::best();
  for_heads(queries, heads, out, [&](std::int64_t row, std::int64_t channel, kernels::Head head) {
    const ContiguousKeyValues& kv = key_values[static_cast<std::size_t>(row)];
    head.keys = kv.count;
    head.scores = scores(most);
    kernel.attend_contiguous(head,
                             {.keys = kv.keys + channel, .values = kv.values + channel, .stride = kv.stride});
  });
}

void attention(ConstTensorView queries, std::span<const ScatteredKeyValues> key_values,
               KeyValueOffsets offsets, int heads, TensorView out) {
  const std::int64_t most = check(queries, key_values, heads, out);
  const kernels::Table& kernel = kernels::best();
  for_heads(queries, heads, out, [&](std::int64_t row, std::int64_t channel, kernels::Head head) {
    const ScatteredKeyValues& kv = key_values[static_cast<std::size_t>(row)];
    head.keys = kv.count;
    head.scores = scores(most);
    kernel.attend_gathered(
        head,
        {.rows = kv.places, .key_offset = offsets.key + channel, .value_offset = offsets.value + channel});
  });
}

}  // namespace lpmc
