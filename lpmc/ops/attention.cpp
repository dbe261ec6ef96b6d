#include "lpmc/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lpmc/base/threads.h"
#include "lpmc/ops/attention_kernels.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {
namespace {

/// Channels of a unit of parallel work: a few heads of neighbouring rows that share keys.
constexpr std::int64_t kChannels = 256;
/// Keys times channels of a call not worth sharing between threads.
constexpr std::int64_t kLittle = 32768;
/// Elements of a unit that only copies.
constexpr std::int64_t kCopied = 16384;

bool share_keys(const ContiguousKeyValues& a, const ContiguousKeyValues& b) {
  return a.keys == b.keys && a.values == b.values && a.count == b.count && a.stride == b.stride;
}
bool share_keys(const PastKeyValues& a, const PastKeyValues& b) {
  return a.places[0] == b.places[0];
}

const kernels::AttentionKernels& kernels_for(DType dtype) {
  LPMC_REQUIRE(dtype == DType::f32 || dtype == DType::bf16, invalid_argument,
               "attention: keys: expected float32 or bfloat16, found {}", to_string(dtype));
  const kernels::AttentionTable& table = kernels::best_attention();
  return dtype == DType::f32 ? table.f32 : table.bf16;
}

/// A checked call: its sizes and how it is cut into units.
struct Plan {
  std::int64_t head_dim = 0;
  std::int64_t most_keys = 0;
  std::int64_t all_keys = 0;
  std::int64_t heads_together = 0;
  std::int64_t head_groups = 0;
  std::span<const std::int64_t> row_groups;  ///< where each begins, and where the last ends
};

/// The rows cut where neighbours share nothing; in memory of the calling thread, used again.
template <class KeyValues>
std::span<const std::int64_t> groups_of_rows(std::span<const KeyValues> rows) {
  static thread_local std::vector<std::int64_t> begins;
  begins.clear();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto index = static_cast<std::int64_t>(row);
    if (row == 0 || !share_keys(rows[row], rows[row - 1]) || index - begins.back() == kernels::kMostQueries) {
      begins.push_back(index);
    }
  }
  begins.push_back(static_cast<std::int64_t>(rows.size()));
  return begins;
}

template <class KeyValues>
Plan plan(ConstTensorView queries, std::span<const KeyValues> key_values, int heads, TensorView out) {
  require_rank("attention", "queries", queries, 2);
  require_rank("attention", "out", out, 2);
  const std::int64_t rows = queries.size(0);
  const std::int64_t d = out.size(1);
  require_tensor("attention", "queries", queries, queries.shape());
  require_tensor("attention", "out", out, {rows, d});
  LPMC_REQUIRE(queries.size(1) >= d, invalid_argument,
               "attention: queries: expected at least {} columns, found {}", d, queries.size(1));
  LPMC_REQUIRE(heads >= 1 && d >= heads && d % heads == 0, invalid_argument,
               "attention: heads: expected a divisor of {}, found {}", d, heads);
  LPMC_REQUIRE(static_cast<std::int64_t>(key_values.size()) == rows, invalid_argument,
               "attention: keys: expected {} rows, found {}", rows, key_values.size());
  Plan result;
  for (const KeyValues& row : key_values) {
    LPMC_REQUIRE(row.count >= 1, invalid_argument, "attention: keys: expected at least one, found {}",
                 row.count);
    result.most_keys = std::max(result.most_keys, row.count);
    result.all_keys += row.count;
  }
  result.head_dim = d / heads;
  result.heads_together = std::clamp<std::int64_t>(kChannels / result.head_dim, 1, heads);
  result.head_groups = (heads + result.heads_together - 1) / result.heads_together;
  result.row_groups = groups_of_rows(key_values);
  return result;
}

/// Scratch of the calling thread; grows to the longest row and stays.
float* scratch(std::int64_t count) {
  static thread_local std::vector<float> buffer;
  if (buffer.size() < static_cast<std::size_t>(count)) {
    buffer.resize(static_cast<std::size_t>(count + count / 2));
  }
  return buffer.data();
}

/// How many places at the beginning two paths share. Once apart, they stay apart, and beams part late.
std::int64_t shared_places(const PastKeyValues& a, const PastKeyValues& b) {
  std::int64_t shared = std::min(a.count, b.count);
  while (shared > 0 && a.places[shared - 1] != b.places[shared - 1])
    --shared;
  return shared;
}

kernels::GatheredKeys gathered(std::span<const PastKeyValues> rows) {
  kernels::GatheredKeys keys{.shared = rows[0].count};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    keys.places[i] = rows[i].places;
    keys.counts[i] = rows[i].count;
    keys.shared = std::min(keys.shared, shared_places(rows[0], rows[i]));
  }
  return keys;
}

/// Calls attend(head, keys_of(its rows), its first channel) for every head of every group of rows.
template <class KeysOf, class Attend>
void for_heads(const Plan& plan, ConstTensorView queries, TensorView out, KeysOf&& keys_of, Attend&& attend) {
  const std::int64_t d = out.size(1);
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(plan.head_dim)));
  const auto unit = [&](std::int64_t index) {
    const auto group = static_cast<std::size_t>(index / plan.head_groups);
    const std::int64_t row = plan.row_groups[group];
    const std::int64_t count = plan.row_groups[group + 1] - row;
    const std::int64_t first = index % plan.head_groups * plan.heads_together * plan.head_dim;
    const std::int64_t end = std::min(d, first + plan.heads_together * plan.head_dim);
    const auto keys = keys_of(static_cast<std::size_t>(row), static_cast<std::size_t>(count));
    for (std::int64_t channel = first; channel < end; channel += plan.head_dim) {
      attend(kernels::Head{.query = queries.data<float>() + row * queries.size(1) + channel,
                           .out = out.mutable_data<float>() + row * d + channel,
                           .query_stride = queries.size(1),
                           .out_stride = d,
                           .queries = static_cast<int>(count),
                           .size = plan.head_dim,
                           .scale = scale,
                           .scratch = scratch(kernels::head_scratch(plan.head_dim, plan.most_keys))},
             keys, channel);
    }
  };
  const std::int64_t units = (static_cast<std::int64_t>(plan.row_groups.size()) - 1) * plan.head_groups;
  if (plan.all_keys * d > kLittle) {
    parallel_for(units, unit);
  } else {
    for (std::int64_t index = 0; index < units; ++index)
      unit(index);
  }
}

}  // namespace

void attention(ConstTensorView queries, std::span<const ContiguousKeyValues> key_values,
               const AttentionSetup& setup, TensorView out) {
  const kernels::AttentionKernels& kernel = kernels_for(setup.key_values);
  const auto bytes = static_cast<std::int64_t>(size_of(setup.key_values));
  for_heads(
      plan(queries, key_values, setup.heads, out), queries, out,
      [&](std::size_t row, std::size_t /*rows*/) {
        const ContiguousKeyValues& kv = key_values[row];
        return kernels::ContiguousKeys{
            .keys = kv.keys, .values = kv.values, .stride = kv.stride * bytes, .count = kv.count};
      },
      [&](const kernels::Head& head, kernels::ContiguousKeys keys, std::int64_t channel) {
        keys.keys += channel * bytes;
        keys.values += channel * bytes;
        kernel.attend_contiguous(head, keys);
      });
}

void attention_step(ConstTensorView query_key_value, std::span<const PastKeyValues> past, std::int64_t offset,
                    const AttentionSetup& setup, TensorView out) {
  const kernels::AttentionKernels& kernel = kernels_for(setup.key_values);
  const auto bytes = static_cast<std::int64_t>(size_of(setup.key_values));
  const Plan steps = plan(query_key_value, past, setup.heads, out);
  const std::int64_t d = out.size(1);
  require_tensor("attention", "query_key_value", query_key_value, {out.size(0), 3 * d});
  for_heads(
      steps, query_key_value, out, [&](std::size_t row, std::size_t rows) { return past.subspan(row, rows); },
      [&](const kernels::Head& head, std::span<const PastKeyValues> rows, std::int64_t channel) {
        kernels::GatheredKeys keys = gathered(rows);
        keys.key_offset = (offset + channel) * bytes;
        keys.value_offset = keys.key_offset + d * bytes;
        const float* own = head.query + d;
        for (const PastKeyValues& row : rows) {
          std::byte* const newest = row.places[row.count - 1];
          kernel.write(own, newest + keys.key_offset, head.size);
          kernel.write(own + d, newest + keys.value_offset, head.size);
          own += head.query_stride;
        }
        kernel.attend_gathered(head, keys);
      });
}

void write_key_values(ConstTensorView x, TensorView y) {
  require_tensor("write_key_values", "x", x, y.shape());
  const kernels::AttentionKernels& kernel = kernels_for(y.dtype());
  const auto bytes = static_cast<std::int64_t>(size_of(y.dtype()));
  parallel_for((x.elements() + kCopied - 1) / kCopied, [&](std::int64_t block) {
    const std::int64_t begin = block * kCopied;
    kernel.write(x.data<float>() + begin, y.mutable_bytes() + begin * bytes,
                 std::min(kCopied, x.elements() - begin));
  });
}

}  // namespace lpmc
