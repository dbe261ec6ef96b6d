#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lpmc/evaluation/compare_evaluations.h"
#include "lpmc/evaluation/evaluation.h"

namespace lpmc {

/// Facts of a run that stand in results.json under "settings" besides the options: file names, versions.
using RunFacts = std::vector<std::pair<std::string, std::string>>;

/// results.json: the original's keys first and in its order, more numbers beside them, then "clips" (how
/// many), "intervals_95", "definitions", "left_out" (why a number is not there), "notes", "settings", and
/// "against": the comparison with another system.
/// @param compared null: none
std::string results_json(const ReportedSystem& system, const RunFacts& facts = {},
                         const ComparedSystem* compared = nullptr);

/// A row a clip: id, texts, every number there is for each clip. CSV with a header.
std::string clip_scores_csv(const Evaluation& evaluation, std::span<const ClipCaptions> clips);

}  // namespace lpmc
