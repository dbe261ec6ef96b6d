#include "lpmc/cli/bench_report.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/cpu.h"
#include "lpmc/base/threads.h"
#include "lpmc/model/model_card.h"

namespace lpmc::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kColumns = 8;
using Cells = std::array<std::string, kColumns>;

std::string format_seconds(double seconds) {
  if (seconds <= 0) return "";
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.3f} s", seconds);
}

std::string format_megabytes(double bytes) {
  return fmt::format("{:.1f} MB", bytes / 1e6);
}

std::string format_rate(const StageFigure& figure) {
  std::vector<std::string> parts;
  if (figure.x_real_time > 0) parts.push_back(fmt::format("{:.1f}x real time", figure.x_real_time));
  if (figure.operations_per_s > 0)
    parts.push_back(fmt::format("{:.0f} Gop/s", figure.operations_per_s / 1e9));
  if (figure.cache_bytes > 0)
    parts.push_back(fmt::format("cache {}", format_megabytes(static_cast<double>(figure.cache_bytes))));
  if (figure.peak_resident_bytes > 0)
    parts.push_back(
        fmt::format("peak resident {}", format_megabytes(static_cast<double>(figure.peak_resident_bytes))));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Cells cells_of(const StageFigure& figure) {
  return {figure.stage,
          figure.arithmetic ? std::string(arithmetic_name(*figure.arithmetic)) : "",
          fmt::format("{} {}", figure.size, figure.unit),
          format_seconds(figure.best_s),
          format_seconds(figure.median_s),
          format_seconds(figure.limit_s),
          figure.limit_s > 0 ? fmt::format("{:.2f}", figure.best_s / figure.limit_s) : "",
          format_rate(figure)};
}

std::string aligned(const std::vector<Cells>& rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < kColumns; ++i) {
      const bool is_number = i >= 3 && i <= 6;
      line +=
          is_number ? fmt::format("{:>{}}  ", row[i], widths[i]) : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string machine_text(const BenchReport& report) {
  std::string text = fmt::format("{} parameters of {}; {} threads on {} cores, {}\n", report.parameters,
                                 report.model, num_threads(), num_cores(), instruction_set());
  for (const MultiplyRate& rate : report.machine.rates) {
    text += fmt::format("{:<5} {:>9.0f} Gop/s  {}\n", arithmetic_name(rate.arithmetic),
                        rate.operations_per_s / 1e9, rate.instructions);
  }
  for (const MachineFigures::Bandwidth& b : report.machine.step_bandwidth) {
    text += fmt::format("read  {:>9.1f} GB/s   over {}, a step's weights in {}\n", b.bytes_per_s / 1e9,
                        format_megabytes(b.bytes), arithmetic_name(b.arithmetic));
  }
  text += fmt::format("read  {:>9.1f} GB/s   over {}\n", report.machine.large_bytes_per_s / 1e9,
                      format_megabytes(report.machine.large_bytes));
  return text;
}

json figure_json(const StageFigure& figure) {
  json object = {{"stage", figure.stage},     {"size", figure.size},     {"unit", figure.unit},
                 {"repeats", figure.repeats}, {"best_s", figure.best_s}, {"median_s", figure.median_s}};
  if (figure.arithmetic) object["dtype"] = arithmetic_name(*figure.arithmetic);
  if (figure.limit_s > 0) {
    object["limit_s"] = figure.limit_s;
    object["ratio_to_limit"] = figure.best_s / figure.limit_s;
  }
  if (figure.x_real_time > 0) object["x_real_time"] = figure.x_real_time;
  if (figure.operations_per_s > 0) object["operations_per_s"] = figure.operations_per_s;
  if (figure.cache_bytes > 0) object["cache_bytes"] = figure.cache_bytes;
  if (figure.peak_resident_bytes > 0) object["peak_resident_bytes"] = figure.peak_resident_bytes;
  return object;
}

json machine_json(const MachineFigures& machine) {
  json object = {{"threads", num_threads()}, {"cores", num_cores()}, {"instruction_set", instruction_set()}};
  object["multiply_rates"] = json::array();
  for (const MultiplyRate& rate : machine.rates) {
    object["multiply_rates"].push_back({{"dtype", arithmetic_name(rate.arithmetic)},
                                        {"instructions", rate.instructions},
                                        {"operations_per_s", rate.operations_per_s}});
  }
  object["step_bandwidths"] = json::array();
  for (const MachineFigures::Bandwidth& b : machine.step_bandwidth) {
    object["step_bandwidths"].push_back(
        {{"dtype", arithmetic_name(b.arithmetic)}, {"bytes", b.bytes}, {"bytes_per_s", b.bytes_per_s}});
  }
  object["large_bandwidth"] = {{"bytes", machine.large_bytes}, {"bytes_per_s", machine.large_bytes_per_s}};
  return object;
}

}  // namespace

std::string bench_table(const BenchReport& report) {
  std::vector<Cells> rows = {{"stage", "dtype", "size", "best", "median", "limit", "best/limit", "rate"}};
  std::transform(report.figures.begin(), report.figures.end(), std::back_inserter(rows), cells_of);
  return machine_text(report) + "\n" + aligned(rows);
}

nlohmann::json bench_json(const BenchReport& report) {
  json stages = json::array();
  for (const StageFigure& figure : report.figures)
    stages.push_back(figure_json(figure));
  return {{"model", {{"name", report.model}, {"parameters", report.parameters}}},
          {"options",
           {{"segments", report.options.segments},
            {"num_beams", report.options.num_beams},
            {"new_tokens", report.options.new_tokens},
            {"quick", report.options.quick}}},
          {"machine", machine_json(report.machine)},
          {"stages", stages}};
}

}  // namespace lpmc::cli
