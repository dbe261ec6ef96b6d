#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "lpmc/evaluation/clip_captions.h"
#include "lpmc/evaluation/compare_evaluations.h"
#include "lpmc/evaluation/evaluation.h"

namespace lpmc {

struct HtmlReportOptions {
  std::filesystem::path audio;        ///< folder of the clips' audio; players link to it
  std::filesystem::path page_folder;  ///< where the page will lie, for its links; "" = the working folder
  std::size_t examples = 10;          ///< best and worst captions shown for each number
};

/// A system's numbers as one HTML page without scripts: table with definitions, distributions, best and worst
/// captions, a player where the clip's audio file is found.
/// @param compared null: none
std::string results_html(const ReportedSystem& system, const HtmlReportOptions& options,
                         const ComparedSystem* compared = nullptr);

}  // namespace lpmc
