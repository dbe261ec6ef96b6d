#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "lpmc/captioning/benchmark.h"

namespace lpmc::cli {

/// All that `lpmc bench` found.
struct BenchReport {
  std::string model;
  std::int64_t parameters = 0;
  BenchmarkOptions options;
  MachineFigures machine;
  std::vector<StageFigure> figures;
};

/// Of the machine, and of each stage a line; for people.
std::string bench_table(const BenchReport& report);

/// The same with all its digits; units stand in the keys.
nlohmann::json bench_json(const BenchReport& report);

}  // namespace lpmc::cli
