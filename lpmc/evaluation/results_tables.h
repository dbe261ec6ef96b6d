#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lpmc/evaluation/compare_evaluations.h"
#include "lpmc/evaluation/evaluation.h"

namespace lpmc {

struct NamedEvaluation {
  std::string name;
  const Evaluation* evaluation = nullptr;
};

enum class TableFormat { text, csv, markdown, latex };

/// "text", "csv", "markdown", "latex".
/// @throws Error(invalid_argument) listing the names
TableFormat parse_table_format(std::string_view name);

/// text: every number of every system with its interval, then what was left out and why. csv: a header and a
/// row a system, every number. markdown, latex: a row a system of the paper's columns (BLEU, METEOR, ROUGE-L
/// and BERTScore times 100), "-" where a number was left out.
std::string results_table(std::span<const NamedEvaluation> systems, TableFormat format);

/// The same of a comparison: a row a number. text also shows the clips that differ most.
/// @param clips, others the two systems' clips in the same order
std::string comparison_table(const EvaluationComparison& comparison, std::span<const ClipCaptions> clips,
                             std::span<const ClipCaptions> others, TableFormat format);

}  // namespace lpmc
