#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lpmc {

/// The name of a split as lpmc writes it: "validation", "val" and "dev" are "valid", "VALID" too; "_track" at
/// the end goes; "extra" (ECALS) belongs to "train". Other names stay as they are.
std::string canonical_split(std::string_view name);

/// Which ids a data set has, in which split each is, and which were met: some 70 bytes an id.
class SplitTable {
 public:
  /// No split file: ids are only remembered.
  SplitTable() = default;
  /// Reads {"train_track": [ids], "valid_track": [...], "test_track": [...], "extra_track": [...]}. An id in
  /// two splits belongs to the one held out most (test, valid, others, train), and a warning is logged.
  /// @throws Error(not_found, corrupt)
  explicit SplitTable(const std::filesystem::path& split_file);
  SplitTable(const SplitTable&) = delete;
  SplitTable& operator=(const SplitTable&) = delete;

  /// What met() found.
  struct Meeting {
    bool first = false;                  ///< not met before
    const std::string* split = nullptr;  ///< its split, nullptr when no list has it
  };
  Meeting meet(std::string_view id);

  bool from_file() const { return from_file_; }
  const std::vector<std::string>& splits() const { return splits_; }
  /// Ids of these splits (all where it is empty) that were not met.
  std::size_t count_unmet(const std::vector<std::string>& wanted) const;

 private:
  struct State {
    std::int16_t split = -1;  // index into splits_
    bool met = false;
  };
  std::int16_t add_split(const std::string& name, const std::string& file);
  State& state_of(std::string_view id);

  std::pmr::monotonic_buffer_resource memory_;  // keys' text and nodes
  std::pmr::unordered_map<std::string_view, State> ids_{&memory_};
  std::vector<std::string> splits_;
  bool from_file_ = false;
};

}  // namespace lpmc
