#include "table_network.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace lpmc::test {

std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::vector<float> LogitTable::logits(std::int64_t segment, std::span<const std::int32_t> sequence) const {
  constexpr std::int32_t kEnd = 2;
  std::uint64_t state = mix64(seed + static_cast<std::uint64_t>(segment));
  for (const std::int32_t token : sequence)
    state = mix64(state ^ static_cast<std::uint64_t>(token));
  std::vector<float> row;
  for (std::int32_t token = 0; token < vocab_size; ++token) {
    const double unit = static_cast<double>(mix64(state ^ static_cast<std::uint64_t>(token)) >> 11) * 0x1p-53;
    row.push_back(static_cast<float>((unit * 2 - 1) * scale + (token == kEnd ? end_bonus : 0)));
  }
  return row;
}

TableNetwork::TableNetwork(LogitTable table, std::vector<std::int64_t> segments)
    : table_(table), segments_(std::move(segments)) {}

TableNetwork::TableNetwork(LogitTable table, std::int64_t segment)
    : TableNetwork(table, std::vector{segment}) {}

StepFn TableNetwork::step_fn() {
  return [this](std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens) {
    return step(parents, tokens);
  };
}

TensorView TableNetwork::step(std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens) {
  EXPECT_EQ(parents.size(), tokens.size());
  EXPECT_FALSE(parents.empty());
  std::vector<Row> rows;
  logits_.clear();
  for (std::size_t i = 0; i < parents.size(); ++i) {
    const auto parent = static_cast<std::size_t>(parents[i]);
    if (parent < rows_.size()) {
      rows.push_back(rows_[parent]);
    } else {
      // Only the first step starts segments here: none is added later.
      EXPECT_TRUE(rows_.empty() && parent < segments_.size()) << "parent " << parents[i];
      rows.push_back({segments_.at(parent), {}});
    }
    rows.back().sequence.push_back(tokens[i]);
    const std::vector<float> row = table_.logits(rows.back().segment, rows.back().sequence);
    logits_.insert(logits_.end(), row.begin(), row.end());
  }
  rows_ = std::move(rows);
  rows_of_steps_.push_back(rows_.size());
  return TensorView(logits_.data(), DType::f32, {static_cast<std::int64_t>(rows_.size()), table_.vocab_size});
}

}  // namespace lpmc::test
