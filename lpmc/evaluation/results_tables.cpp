#include "lpmc/evaluation/results_tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/csv_table.h"

namespace lpmc {
namespace {

using Row = std::vector<std::string>;

/// A column of the paper's table.
struct PaperColumn {
  const char* heading;
  const char* metric;
  double scale;
  int digits;
};
constexpr std::array<PaperColumn, 12> kPaperColumns = {{{"B1", "bleu1", 100, 2},
                                                        {"B2", "bleu2", 100, 2},
                                                        {"B3", "bleu3", 100, 2},
                                                        {"B4", "bleu4", 100, 2},
                                                        {"M", "meteor_1.0", 100, 2},
                                                        {"R-L", "rougeL", 100, 2},
                                                        {"BERT-S", "bertscore", 100, 2},
                                                        {"Vocab", "vocab_size", 1, 0},
                                                        {"Novel v", "vocab_novelty", 100, 2},
                                                        {"Novel c", "caption_novelty", 100, 2},
                                                        {"Avg. length", "length_avg", 1, 1},
                                                        {"SD", "length_std", 1, 1}}};

std::string shown(const Metric& metric) {
  return metric.whole ? fmt::format("{:.0f}", metric.value) : fmt::format("{:.4f}", metric.value);
}

/// Columns as wide as their longest cell; the first is flush left.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string markdown_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '\\') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string latex_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\textbackslash{}";
    } else if (c == '~' || c == '^') {
      escaped += fmt::format("\\{}{{}}", c);
    } else {
      if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

/// A header and rows in one of the formats for papers and programs.
std::string table(const std::vector<Row>& rows, TableFormat format) {
  if (format == TableFormat::text) return aligned(rows);
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string line = format == TableFormat::markdown ? "|" : "";
    for (std::size_t column = 0; column < rows[i].size(); ++column) {
      const std::string& cell = rows[i][column];
      if (format == TableFormat::csv) line += (column > 0 ? "," : "") + csv_field(cell);
      if (format == TableFormat::markdown) line += " " + markdown_text(cell) + " |";
      if (format == TableFormat::latex) line += (column > 0 ? " & " : "") + latex_text(cell);
    }
    text += line + (format == TableFormat::csv ? "\r\n" : format == TableFormat::latex ? " \\\\\n" : "\n");
    if (i > 0) continue;
    if (format == TableFormat::latex) text += "\\hline\n";
    if (format != TableFormat::markdown) continue;
    text += "|---|";
    for (std::size_t column = 1; column < rows[i].size(); ++column)
      text += "---:|";
    text += "\n";
  }
  return text;
}

/// Every number that any system has, in the order of the first that has it.
std::vector<std::string> metric_names(std::span<const NamedEvaluation> systems) {
  std::vector<std::string> names;
  for (const NamedEvaluation& system : systems) {
    for (const Metric& metric : system.evaluation->metrics) {
      if (std::find(names.begin(), names.end(), metric.name) == names.end()) names.push_back(metric.name);
    }
  }
  return names;
}

std::string text_table(std::span<const NamedEvaluation> systems) {
  std::vector<Row> rows(1);
  rows.front().emplace_back();
  for (const NamedEvaluation& system : systems)
    rows.front().push_back(fmt::format("{} ({} clips)", system.name, system.evaluation->clips));
  for (const std::string& name : metric_names(systems)) {
    Row& row = rows.emplace_back(Row{name});
    for (const NamedEvaluation& system : systems) {
      const Metric* metric = system.evaluation->find(name);
      std::string cell = metric != nullptr ? shown(*metric) : "-";
      if (metric != nullptr && metric->interval)
        cell += fmt::format(" [{:.4f}, {:.4f}]", metric->interval->low, metric->interval->high);
      row.push_back(std::move(cell));
    }
  }
  std::string text = aligned(rows);
  for (const NamedEvaluation& system : systems) {
    const std::string of = systems.size() > 1 ? system.name + ": " : "";
    for (const LeftOut& item : system.evaluation->left_out)
      text += fmt::format("left out: {}{}: {}\n", of, item.name, item.reason);
    for (const std::string& note : system.evaluation->notes)
      text += fmt::format("note: {}{}\n", of, note);
  }
  return text;
}

std::vector<Row> csv_rows(std::span<const NamedEvaluation> systems) {
  const std::vector<std::string> names = metric_names(systems);
  std::vector<Row> rows = {{"system", "clips"}};
  rows.front().insert(rows.front().end(), names.begin(), names.end());
  for (const NamedEvaluation& system : systems) {
    Row& row = rows.emplace_back(Row{system.name, fmt::format("{}", system.evaluation->clips)});
    for (const std::string& name : names) {
      const Metric* metric = system.evaluation->find(name);
      row.push_back(metric == nullptr ? "" : fmt::format("{}", metric->value));
    }
  }
  return rows;
}

std::vector<Row> paper_rows(std::span<const NamedEvaluation> systems) {
  std::vector<Row> rows = {{"System"}};
  for (const PaperColumn& column : kPaperColumns)
    rows.front().emplace_back(column.heading);
  for (const NamedEvaluation& system : systems) {
    Row& row = rows.emplace_back(Row{system.name});
    for (const PaperColumn& column : kPaperColumns) {
      const Metric* metric = system.evaluation->find(column.metric);
      row.push_back(metric == nullptr ? "-"
                                      : fmt::format("{:.{}f}", column.scale * metric->value, column.digits));
    }
  }
  return rows;
}

/// @param least what cannot be told from 0
std::string p_value(double p, double least) {
  return p < least ? fmt::format("<{:.4g}", least) : fmt::format("{:.4f}", p);
}

std::vector<Row> comparison_rows(const EvaluationComparison& comparison, TableFormat format) {
  std::vector<Row> rows = {{"number", "first", "second", "difference", "low", "high", "p (bootstrap)",
                            "p (t-test)", "wins", "losses", "ties"}};
  for (const MetricComparison& metric : comparison.metrics) {
    const auto value = [&](double number) {
      return format == TableFormat::csv ? fmt::format("{}", number) : fmt::format("{:.4f}", number);
    };
    const auto p = [&](double number, double least) {
      return format == TableFormat::csv ? fmt::format("{}", number) : p_value(number, least);
    };
    Row& row = rows.emplace_back(
        Row{metric.name, value(metric.first), value(metric.second), value(metric.bootstrap.difference),
            value(metric.bootstrap.interval.low), value(metric.bootstrap.interval.high),
            p(metric.bootstrap.p, 1.0 / static_cast<double>(metric.bootstrap.replicas))});
    row.push_back(metric.t_test ? p(metric.t_test->p, 1e-4) : "");
    const auto count = [&](std::size_t Wins::*field) {
      return metric.wins ? fmt::format("{}", (*metric.wins).*field) : std::string();
    };
    row.insert(row.end(), {count(&Wins::first), count(&Wins::second), count(&Wins::ties)});
  }
  return rows;
}

}  // namespace

TableFormat parse_table_format(std::string_view name) {
  if (name == "text") return TableFormat::text;
  if (name == "csv") return TableFormat::csv;
  if (name == "markdown") return TableFormat::markdown;
  if (name == "latex") return TableFormat::latex;
  fail(ErrorKind::invalid_argument, "table format: expected text, csv, markdown or latex, found '{}'", name);
}

std::string results_table(std::span<const NamedEvaluation> systems, TableFormat format) {
  if (format == TableFormat::text) return text_table(systems);
  return table(format == TableFormat::csv ? csv_rows(systems) : paper_rows(systems), format);
}

std::string comparison_table(const EvaluationComparison& comparison, std::span<const ClipCaptions> clips,
                             std::span<const ClipCaptions> others, TableFormat format) {
  std::string text = table(comparison_rows(comparison, format), format);
  if (format != TableFormat::text) return text;
  text += fmt::format("\nclips that differ most by {}:\n", comparison.differ_by);
  for (const ClipDifference& difference : comparison.clips) {
    const ClipCaptions& clip = clips[difference.clip];
    text += fmt::format("\n{}{}\n  first  {:.4f}  {}\n  second {:.4f}  {}\n  reference      {}\n",
                        difference.clip + 1, clip.id.empty() ? "" : "  " + clip.id, difference.first,
                        clip.prediction, difference.second, others[difference.clip].prediction,
                        clip.references.front());
  }
  return text;
}

}  // namespace lpmc
