#include "lpmc/training/training_log.h"

#include <string>
#include <utility>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {

using nlohmann::json;

TrainingLog::TrainingLog(std::filesystem::path path, std::int64_t step) : path_(std::move(path)) {
  std::string kept;
  std::ifstream old(path_);
  for (std::string line; std::getline(old, line);) {
    json entry = json::parse(line, nullptr, false);
    // A line that is no JSON was being written when the run ended.
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number_integer()) continue;
    if (entry["step"].get<std::int64_t>() > step) continue;
    kept += line + "\n";
    entries_.push_back(std::move(entry));
  }
  old.close();
  write_file_atomically(path_, kept);
  stream_.open(path_, std::ios::app);
  LPMC_REQUIRE(stream_.is_open(), io, "{}: cannot be written", display_path(path_));
}

void TrainingLog::add(json entry) {
  stream_ << entry.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  stream_.flush();
  LPMC_REQUIRE(stream_.good(), io, "{}: cannot be written", display_path(path_));
  entries_.push_back(std::move(entry));
}

}  // namespace lpmc
