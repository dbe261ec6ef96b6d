#pragma once

// The small random RoBERTa of tests/data/roberta_small and what Hugging Face's code makes of it
// (scripts/make_small_roberta.py).

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lpmc::test {

inline std::filesystem::path small_roberta_folder() {
  return std::filesystem::path(LPMC_SOURCE_DIR) / "tests/data/roberta_small";
}

inline nlohmann::json small_roberta_expected() {
  std::ifstream file(small_roberta_folder() / "expected.json");
  return nlohmann::json::parse(file);
}

inline std::vector<std::vector<std::int32_t>> small_roberta_tokens() {
  std::vector<std::vector<std::int32_t>> tokens;
  const nlohmann::json expected = small_roberta_expected();
  for (const nlohmann::json& text : expected.at("texts"))
    tokens.push_back(text["tokens"].get<std::vector<std::int32_t>>());
  return tokens;
}

}  // namespace lpmc::test
