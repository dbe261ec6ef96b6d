#include "lpmc/dataset/split_assign.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/samplers.h"

namespace lpmc {
namespace {

std::string group_of(const ManifestRecord& record, SplitBy by) {
  if (by == SplitBy::id) return record.id;
  if (by == SplitBy::artist && !record.artist.empty()) return "artist " + record.artist;
  return track_of(record);
}

/// FNV-1a: the same on every machine, which std::hash is not.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

struct Group {
  std::uint64_t order = 0;
  std::string name;
  std::vector<std::size_t> records;
};

std::vector<Group> groups_of(std::span<const ManifestRecord> records, SplitBy by, std::int64_t seed) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < records.size(); ++i)
    by_name[group_of(records[i], by)].push_back(i);
  std::vector<Group> groups;
  for (auto& [name, own] : by_name) {
    CounterRandom random(static_cast<std::uint64_t>(seed), hash_of(name));
    groups.push_back({random.next(), name, std::move(own)});
  }
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return std::tie(a.order, a.name) < std::tie(b.order, b.name);
  });
  return groups;
}

}  // namespace

SplitBy parse_split_by(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, SplitBy>, 3> kNames = {
      {{"id", SplitBy::id}, {"track", SplitBy::track}, {"artist", SplitBy::artist}}};
  for (const auto& [known, by] : kNames) {
    if (known == name) return by;
  }
  fail(ErrorKind::invalid_argument, "by: expected id, track or artist, found '{}'", display_path(name));
}

void assign_splits(std::span<ManifestRecord> records, const SplitOptions& options) {
  const SplitBy by = parse_split_by(options.by);
  LPMC_REQUIRE(options.valid >= 0 && options.test >= 0 && options.valid + options.test < 1, invalid_argument,
               "split: expected shares of at least 0 and together below 1, found {} and {}", options.valid,
               options.test);
  const std::vector<Group> groups = groups_of(records, by, options.seed);
  const std::array<std::pair<const char*, double>, 2> held_out = {
      {{"test", options.test}, {"valid", options.valid}}};
  const std::size_t asked = 1 + (options.test > 0 ? 1U : 0U) + (options.valid > 0 ? 1U : 0U);
  LPMC_REQUIRE(groups.size() >= asked, invalid_argument,
               "split: expected at least {} groups by {}, one for each split, found {}", asked, options.by,
               groups.size());
  std::size_t next = 0;
  std::size_t still_asked = asked;
  for (const auto& [split, share] : held_out) {
    if (share <= 0) continue;
    --still_asked;
    const double wanted = share * static_cast<double>(records.size());
    // A group more as long as that comes nearer to the share; one at least, and one left for each other
    // split.
    for (double taken = 0; groups.size() - next > still_asked; ++next) {
      const auto more = static_cast<double>(groups[next].records.size());
      if (taken > 0 && std::abs(taken + more - wanted) >= std::abs(taken - wanted)) break;
      for (const std::size_t record : groups[next].records)
        records[record].split = split;
      taken += more;
    }
  }
  for (; next < groups.size(); ++next) {
    for (const std::size_t record : groups[next].records)
      records[record].split = "train";
  }
}

}  // namespace lpmc
