#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace lpmc {

/// Where lpmc keeps what it fetched for a user: $XDG_DATA_HOME/lpmc, else ~/.local/share/lpmc; empty where
/// neither is known.
std::filesystem::path user_data_folder();

/// A data file that comes with lpmc ("llm_prices.json"): installed with this program, or of the checkout it
/// was built from.
std::optional<std::filesystem::path> find_data_file(std::string_view name);

}  // namespace lpmc
