#include "lpmc/tag_to_caption/prices.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxFileBytes = 4U << 20U;
constexpr double kTokensOfPrice = 1e6;

double read_price(const nlohmann::json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  LPMC_REQUIRE(found != entry.end() && found->is_number(), corrupt, "{}: {}: expected a number", where, key);
  const double price = found->get<double>();
  LPMC_REQUIRE(std::isfinite(price) && price >= 0, corrupt, "{}: {}: expected 0 or more, found {}", where,
               key, price);
  return price / kTokensOfPrice;
}

/// "-2024-07-18", "-0125", "-latest" or nothing: the same model at another date.
bool is_date_suffix(std::string_view rest) {
  if (rest.empty() || rest == "-latest") return true;
  if (rest.front() != '-' || rest.size() < 5) return false;
  return std::all_of(rest.begin(), rest.end(), [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

}  // namespace

PriceTable PriceTable::parse(std::string_view json, std::string_view name) {
  const nlohmann::json file = nlohmann::json::parse(json, nullptr, false);
  LPMC_REQUIRE(file.is_object(), corrupt, "{}: expected a JSON object with \"models\", found something else",
               name);
  const auto models = file.find("models");
  LPMC_REQUIRE(models != file.end() && models->is_array(), corrupt, "{}: models: expected a list", name);
  PriceTable table;
  if (const auto as_of = file.find("as_of"); as_of != file.end() && as_of->is_string()) {
    table.as_of_ = as_of->get<std::string>();
  }
  for (const nlohmann::json& model : *models) {
    const std::string where = fmt::format("{}: models[{}]", name, table.entries_.size());
    LPMC_REQUIRE(model.is_object(), corrupt, "{}: expected an object", where);
    const auto id = model.find("model");
    LPMC_REQUIRE(id != model.end() && id->is_string() && !id->get<std::string>().empty(), corrupt,
                 "{}: model: expected a name", where);
    table.entries_.push_back({id->get<std::string>(),
                              {read_price(model, "prompt_usd_per_million", where),
                               read_price(model, "completion_usd_per_million", where)}});
  }
  return table;
}

PriceTable PriceTable::read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  LPMC_REQUIRE(file.is_open(), not_found, "{}: expected a price table, found no readable file",
               display_path(path));
  std::string text;
  text.resize(kMaxFileBytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  LPMC_REQUIRE(text.size() <= kMaxFileBytes, corrupt, "{}: expected at most {} bytes", display_path(path),
               kMaxFileBytes);
  return parse(text, display_path(path));
}

std::optional<ModelPrice> PriceTable::find(std::string_view model) const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (!model.starts_with(entry.model) || !is_date_suffix(model.substr(entry.model.size()))) continue;
    if (best == nullptr || entry.model.size() > best->model.size()) best = &entry;
  }
  if (best == nullptr) return std::nullopt;
  return best->price;
}

}  // namespace lpmc
