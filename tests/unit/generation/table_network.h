#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/generation/generate.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc::test {

/// A network whose logits are looked up: random numbers that depend on the segment and the whole
/// sequence so far, and nothing else. Token 2, the usual end, gets a bonus.
struct LogitTable {
  std::uint64_t seed = 0;
  std::int32_t vocab_size = 0;
  double scale = 4;      ///< logits are uniform in [-scale, scale)
  double end_bonus = 0;  ///< added to token 2

  std::vector<float> logits(std::int64_t segment, std::span<const std::int32_t> sequence) const;
};

/// A LogitTable behind the StepFn contract: keeps the sequences of its rows and fails the test on a
/// parent that is none. `segments` maps what the search calls segment j to a segment of the table.
class TableNetwork {
 public:
  TableNetwork(LogitTable table, std::vector<std::int64_t> segments);
  explicit TableNetwork(LogitTable table, std::int64_t segment = 0);

  StepFn step_fn();
  /// Rows of every step so far.
  const std::vector<std::size_t>& rows_of_steps() const { return rows_of_steps_; }

 private:
  struct Row {
    std::int64_t segment;
    std::vector<std::int32_t> sequence;
  };
  TensorView step(std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens);

  LogitTable table_;
  std::vector<std::int64_t> segments_;
  std::vector<Row> rows_;
  std::vector<float> logits_;
  std::vector<std::size_t> rows_of_steps_;
};

/// SplitMix64's finaliser; the table's random numbers.
std::uint64_t mix64(std::uint64_t x);

}  // namespace lpmc::test
