#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lpmc {

/// What report and model card tell of a run.
struct RunFacts {
  std::string name;     ///< of the run folder
  std::string license;  ///< "" = not stated
  std::string data;     ///< "1,204 clips of mc.jsonl"
  std::string start;    ///< what the weights began as
  std::int64_t parameters = 0;
  std::int64_t step = 0;                ///< updates made
  std::int64_t updates = 0;             ///< of the whole run
  nlohmann::json options;               ///< TrainOptions
  std::vector<nlohmann::json> entries;  ///< of log.jsonl
};

/// report.html: curves, sample captions, settings. One file, no script, nothing fetched.
std::string training_report(const RunFacts& facts);

/// README.md of the run folder: a model card with data, settings and metrics.
std::string training_card(const RunFacts& facts);

}  // namespace lpmc
