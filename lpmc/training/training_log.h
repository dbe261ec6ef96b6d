#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include <nlohmann/json.hpp>

namespace lpmc {

/// log.jsonl of a run: one JSON object a line, {"kind": "train" | "valid" | "samples", "step", ...}.
class TrainingLog {
 public:
  /// Opens the file and keeps what belongs to the run up to `step`; what a killed run wrote beyond its last
  /// checkpoint goes, as the resumed run writes it again.
  /// @throws Error(io)
  TrainingLog(std::filesystem::path path, std::int64_t step);

  /// @throws Error(io)
  void add(nlohmann::json entry);
  /// All entries, oldest first.
  const std::vector<nlohmann::json>& entries() const { return entries_; }

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
  std::vector<nlohmann::json> entries_;
};

}  // namespace lpmc
