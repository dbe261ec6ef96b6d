#include "lpmc/dataset/split_table.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/json_records.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {
namespace {

constexpr std::size_t kMaxSplits = 100;

/// How much a split is to be kept out of training.
int held_out(const std::string& split) {
  if (split == "test") return 3;
  if (split == "valid") return 2;
  return split == "train" ? 0 : 1;
}

}  // namespace

std::string canonical_split(std::string_view name) {
  if (name.ends_with("_track")) name.remove_suffix(6);
  std::string lower(name);
  for (char& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "validation" || lower == "val" || lower == "dev" || lower == "valid") return "valid";
  if (lower == "train" || lower == "extra") return "train";
  return lower == "test" ? lower : std::string(name);
}

SplitTable::SplitTable(const std::filesystem::path& split_file) : from_file_(true) {
  TextSource source(split_file);
  std::size_t conflicts = 0;
  std::int16_t split = -1;
  read_id_lists(source, [&](const std::string& list, std::optional<std::string>&& id) {
    if (!id) {
      split = add_split(canonical_split(list), source.name());
      return;
    }
    State& state = state_of(*id);
    if (state.split >= 0 && state.split != split) ++conflicts;
    if (state.split < 0 || held_out(splits_[split]) > held_out(splits_[state.split])) state.split = split;
  });
  LPMC_REQUIRE(!splits_.empty(), corrupt,
               "{}: expected lists of ids such as \"train_track\": [\"id\", ...], found none", source.name());
  if (conflicts > 0) {
    log(LogLevel::warning, "{}: {} ids stand in two splits; they count for test before valid before train",
        source.name(), conflicts);
  }
}

std::int16_t SplitTable::add_split(const std::string& name, const std::string& file) {
  const auto found = std::find(splits_.begin(), splits_.end(), name);
  const auto index = static_cast<std::int16_t>(found - splits_.begin());
  if (found == splits_.end()) splits_.push_back(name);
  LPMC_REQUIRE(splits_.size() <= kMaxSplits, corrupt, "{}: expected at most {} splits, found more", file,
               kMaxSplits);
  return index;
}

SplitTable::State& SplitTable::state_of(std::string_view id) {
  if (const auto found = ids_.find(id); found != ids_.end()) return found->second;
  char* const text = static_cast<char*>(memory_.allocate(std::max<std::size_t>(id.size(), 1), 1));
  if (!id.empty()) std::memcpy(text, id.data(), id.size());
  return ids_.emplace(std::string_view(text, id.size()), State{}).first->second;
}

SplitTable::Meeting SplitTable::meet(std::string_view id) {
  State& state = state_of(id);
  const bool first = !state.met;
  state.met = true;
  return {first, state.split < 0 ? nullptr : &splits_[static_cast<std::size_t>(state.split)]};
}

std::size_t SplitTable::count_unmet(const std::vector<std::string>& wanted) const {
  std::vector<bool> counts(splits_.size());
  for (std::size_t i = 0; i < splits_.size(); ++i) {
    counts[i] = wanted.empty() || std::find(wanted.begin(), wanted.end(), splits_[i]) != wanted.end();
  }
  std::size_t unmet = 0;
  for (const auto& [id, state] : ids_) {
    if (!state.met && state.split >= 0 && counts[static_cast<std::size_t>(state.split)]) ++unmet;
  }
  return unmet;
}

}  // namespace lpmc
