#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/tag_to_caption/job_store.h"

namespace lpmc {

/// How often each text came up. The first `kMaxTexts` different ones are counted by themselves, later ones
/// together.
class TextCounts {
 public:
  static constexpr std::size_t kMaxTexts = 20'000;

  void add(std::string_view text);
  bool empty() const { return counts_.empty(); }
  std::uint64_t total() const { return total_; }
  const std::map<std::string, std::uint64_t, std::less<>>& counts() const { return counts_; }
  /// The most frequent ones, largest first, equal ones by name.
  std::vector<std::pair<std::string, std::uint64_t>> top(std::size_t count) const;

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::uint64_t total_ = 0;
};

/// A caption that shows a flaw.
struct FlawExample {
  std::string record_id, tags, caption, detail;
};

/// What a run made of one task.
struct TaskFigures {
  static constexpr std::size_t kCoverageBins = 11;  ///< [0, 0.1), ..., [0.9, 1), exactly 1
  static constexpr std::size_t kLengthBins = 31;    ///< 0 to 4 words, 5 to 9, ..., 150 and more

  std::string prompt_id;
  std::uint64_t waiting = 0, taken = 0, done = 0, failed = 0, dropped = 0;
  std::uint64_t jobs() const { return waiting + taken + done + failed + dropped; }

  // Of done jobs:
  std::array<std::uint64_t, kLengthBins> lengths = {};
  std::uint64_t words = 0, shortest = 0, longest = 0;
  std::uint64_t repeated = 0;    ///< captions equal to an earlier one of this task
  std::uint64_t near = 0;        ///< nearly equal to an earlier one; 0 unless asked for
  std::uint64_t vocabulary = 0;  ///< different words, without case
  double words_mean() const;

  // Of done jobs that were validated:
  std::uint64_t validated = 0, flawless = 0;
  std::array<std::uint64_t, kCoverageBins> coverage = {};
  double coverage_sum = 0;
  double coverage_mean() const;
  TextCounts flaws, missing, added, contradictions;
  std::map<std::string, std::vector<FlawExample>> examples;  ///< by flaw, a few each

  TextCounts errors;  ///< of failed and dropped jobs
  TextCounts models, prompt_hashes, samplings, tool_versions;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;  ///< of the last attempts
  double cost_usd = 0;
};

struct RunFigures {
  std::vector<TaskFigures> tasks;  ///< in the order of their first job
  std::uint64_t records = 0;
  TextCounts splits;  ///< of records
};

/// Gathers the figures of a run from JobStore::for_each. Memory: 8 bytes a caption, and the vocabulary; with
/// near duplicates the DuplicateIndex, some 50 bytes a caption.
class FigureBuilder {
 public:
  /// @param near_duplicate similarity from which captions count as near duplicates; 0 = not looked for
  explicit FigureBuilder(double near_duplicate = 0);
  ~FigureBuilder();
  FigureBuilder(const FigureBuilder&) = delete;
  FigureBuilder& operator=(const FigureBuilder&) = delete;

  void add(const StoredCaption& item);
  RunFigures finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The figures for `status`: a few aligned lines a task.
std::string status_text(const RunFigures& figures);
/// The same as JSON, one object.
std::string status_json(const RunFigures& figures);

struct ReportTitle {
  std::string dataset;       ///< "" = not named
  StoreCounts totals;        ///< all attempts, with what they cost
  std::string tool_version;  ///< of the program that writes the report
};

/// The figures as one HTML page: a table, plots as inline SVG, examples of every flaw. Nothing is loaded from
/// elsewhere and no script runs. Equal figures give equal bytes.
std::string html_report(const RunFigures& figures, const ReportTitle& title);

}  // namespace lpmc
