#include "lpmc/dataset/split_leaks.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

namespace lpmc {
namespace {

/// Collects records by what they share, in the order in which that was met.
template <class Key>
class Groups {
 public:
  void add(const Key& key, std::size_t record) {
    const auto [place, is_new] = number_.emplace(key, groups_.size());
    if (is_new) groups_.emplace_back();
    groups_[place->second].push_back(record);
  }
  std::vector<std::vector<std::size_t>>& groups() { return groups_; }

 private:
  std::unordered_map<Key, std::size_t> number_;
  std::vector<std::vector<std::size_t>> groups_;
};

class LeakFinder {
 public:
  explicit LeakFinder(std::span<const ManifestRecord> records) : records_(records) {}

  /// @param told what of a record an earlier kind has told: groups of one value of it are no news
  template <class Key>
  void add(LeakKind kind, Groups<Key>& found, const std::function<std::string(const ManifestRecord&)>& told) {
    for (std::vector<std::size_t>& group : found.groups()) {
      const auto several = [&](const std::function<std::string(const ManifestRecord&)>& value) {
        return std::any_of(group.begin(), group.end(), [&](std::size_t record) {
          return value(records_[record]) != value(records_[group.front()]);
        });
      };
      if (!several([](const ManifestRecord& record) { return record.split; })) continue;
      if (told && !several(told)) continue;
      leaks_.push_back({kind, std::move(group)});
    }
  }

  std::vector<Leak> take() { return std::move(leaks_); }

 private:
  std::span<const ManifestRecord> records_;
  std::vector<Leak> leaks_;
};

}  // namespace

std::string_view to_string(LeakKind kind) {
  switch (kind) {
    case LeakKind::id:
      return "id";
    case LeakKind::track:
      return "track";
    case LeakKind::audio:
      return "audio";
  }
  return "";
}

std::vector<Leak> find_leaks(std::span<const ManifestRecord> records,
                             std::span<const std::optional<std::uint64_t>> contents) {
  Groups<std::string> ids, tracks;
  Groups<std::uint64_t> audio;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].split.empty()) continue;
    ids.add(records[i].id, i);
    tracks.add(track_of(records[i]), i);
    if (i < contents.size() && contents[i]) audio.add(*contents[i], i);
  }
  LeakFinder finder(records);
  finder.add(LeakKind::id, ids, nullptr);
  finder.add(LeakKind::track, tracks, [](const ManifestRecord& record) { return record.id; });
  finder.add(LeakKind::audio, audio, track_of);
  return finder.take();
}

}  // namespace lpmc
