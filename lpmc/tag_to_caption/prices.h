#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// What a model costs, in US dollars a token.
struct ModelPrice {
  double usd_per_prompt_token = 0, usd_per_completion_token = 0;
};

/// List prices of hosted models, from a data file (data/llm_prices.json, or the user's own in the same
/// layout):
/// {"models": [{"model": "gpt-4o-mini", "prompt_usd_per_million": 0.15, "completion_usd_per_million": 0.6}]}
class PriceTable {
 public:
  /// @throws Error(not_found, corrupt) naming file, entry, expected, found
  static PriceTable read(const std::filesystem::path& path);
  /// @param name of the text, for errors
  static PriceTable parse(std::string_view json, std::string_view name);

  /// The price of a model, also under a dated name ("gpt-4o-mini-2024-07-18", "gpt-3.5-turbo-0125",
  /// "...-latest"); nothing for a model that is not in the table: a price is never guessed.
  std::optional<ModelPrice> find(std::string_view model) const;
  /// "2025-06": as of when; "" where the file does not say.
  const std::string& as_of() const { return as_of_; }

 private:
  struct Entry {
    std::string model;
    ModelPrice price;
  };
  std::vector<Entry> entries_;
  std::string as_of_;
};

/// The share of the price that is paid for requests of OpenAI's Batch API.
inline constexpr double kBatchPriceShare = 0.5;

}  // namespace lpmc
