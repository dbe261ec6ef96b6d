#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/fixtures.h"

namespace lpmc::test {

/// A folder with weights that are none, and the log of fake_llama_server.py, whose behaviour `words` sets.
class FakeLlama {
 public:
  explicit FakeLlama(const std::string& words = "") : words_(words) {
    std::ofstream(weights()) << "GGUF and no more";
    std::filesystem::permissions(server(), std::filesystem::perms::owner_exec,
                                 std::filesystem::perm_options::add);
  }

  static std::filesystem::path server() {
    return std::filesystem::path(LPMC_SOURCE_DIR) / "tests/support/fake_llama_server.py";
  }
  std::filesystem::path weights() const { return folder_ / "SmolLM2-fake.gguf"; }
  std::filesystem::path log() const { return folder_ / "log"; }
  const TemporaryFolder& folder() const { return folder_; }
  const std::string& words() const { return words_; }

  /// For servers started by this process.
  void set_environment() const {
    ::setenv("FAKE_LLAMA", words_.c_str(), 1);
    ::setenv("FAKE_LLAMA_LOG", log().c_str(), 1);
  }

  /// One entry for every start: pid, args, environment.
  std::vector<nlohmann::json> starts() const {
    std::vector<nlohmann::json> starts;
    std::ifstream file(log());
    for (std::string line; std::getline(file, line);) {
      nlohmann::json start = nlohmann::json::parse(line, nullptr, false);
      if (start.is_object()) starts.push_back(std::move(start));
    }
    return starts;
  }
  int pid() const { return starts().at(0).at("pid").get<int>(); }

 private:
  TemporaryFolder folder_;
  std::string words_;
};

}  // namespace lpmc::test
