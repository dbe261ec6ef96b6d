#include "lpmc/evaluation/caption_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/caption_records.h"

namespace lpmc {
namespace {

constexpr std::array<std::string_view, 2> kPredictionKeys = {"prediction", "predictions"};
constexpr std::array<std::string_view, 6> kReferenceKeys = {"ground_truth", "ground_truths", "true_captions",
                                                            "true_caption", "reference",     "references"};
constexpr std::array<std::string_view, 3> kIdKeys = {"audio_id", "id", "ytid"};
constexpr std::array<std::string_view, 2> kAudioKeys = {"audio", "audio_path"};

/// The first key of a list that an object has.
template <std::size_t N>
std::optional<std::string_view> key_of(const CaptionJson& object,
                                       const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys) {
    if (object.contains(key)) return key;
  }
  return std::nullopt;
}

/// "reference" and "reference_2".
bool is_reference_key(std::string_view key, bool& numbered) {
  const std::size_t last = key.find_last_not_of("0123456789");
  numbered = last != std::string_view::npos && last + 1 < key.size() && key[last] == '_';
  if (numbered) key = key.substr(0, last);
  return std::find(kReferenceKeys.begin(), kReferenceKeys.end(), key) != kReferenceKeys.end();
}

class ClipReader {
 public:
  explicit ClipReader(std::string_view name) : name_(name) {}

  void take(const CaptionRecord& record) {
    LPMC_REQUIRE(record.value.is_object(), corrupt,
                 "{}: {}: expected an object with a prediction and its references, found {}", name_,
                 record.where, json_type_words(record.value));
    const auto key = key_of(record.value, kPredictionKeys);
    LPMC_REQUIRE(key, corrupt, "{}: {}: expected the key \"prediction\" or \"predictions\", found {}", name_,
                 record.where, keys_in(record.value));
    const CaptionJson& predictions = record.value[std::string(*key)];
    if (predictions.is_array() && predictions.size() != 1) {
      take_lists(record, *key, predictions);
      return;
    }
    ClipCaptions clip;
    const CaptionJson& prediction = predictions.is_array() ? predictions.front() : predictions;
    clip.prediction = text_of(prediction, record.where, *key);
    add_references(record, clip.references);
    clip.id = short_text(record, kIdKeys).value_or(record.key);
    clip.audio = short_text(record, kAudioKeys).value_or("");
    add(std::move(clip), record.where);
  }

  std::vector<ClipCaptions> finish() {
    LPMC_REQUIRE(!clips_.empty(), corrupt, "{}: expected at least one prediction, found none", name_);
    return std::move(clips_);
  }

 private:
  static std::string keys_in(const CaptionJson& object) {
    std::vector<std::string> keys;
    for (const auto& item : object.items())
      keys.push_back('"' + display_path(item.key().substr(0, 40)) + '"');
    if (keys.size() > 8) keys.resize(8);
    return keys.empty() ? "no key" : fmt::format("{}", fmt::join(keys, ", "));
  }

  std::string text_of(const CaptionJson& value, std::string_view where, std::string_view key) const {
    LPMC_REQUIRE(value.is_string(), corrupt, "{}: {}: \"{}\": expected a string, found {}", name_, where, key,
                 json_type_words(value));
    return value.get<std::string>();
  }

  /// A string, or a list of them.
  void add_texts(const CaptionJson& value, std::string_view where, std::string_view key,
                 std::vector<std::string>& texts) const {
    if (!value.is_array()) {
      texts.push_back(text_of(value, where, key));
      return;
    }
    LPMC_REQUIRE(!value.empty(), corrupt, "{}: {}: \"{}\": expected at least one string, found an empty list",
                 name_, where, key);
    for (const CaptionJson& item : value)
      texts.push_back(text_of(item, where, key));
  }

  void add_references(const CaptionRecord& record, std::vector<std::string>& references) const {
    for (const auto& item : record.value.items()) {
      bool numbered = false;
      if (!is_reference_key(item.key(), numbered)) continue;
      const bool empty_cell =
          numbered && item.value().is_string() && item.value().get_ref<const std::string&>().empty();
      if (!empty_cell) add_texts(item.value(), record.where, item.key(), references);
    }
    LPMC_REQUIRE(!references.empty(), corrupt,
                 "{}: {}: expected the key \"ground_truth\", \"true_captions\" or \"references\", found {}",
                 name_, record.where, keys_in(record.value));
  }

  std::string id_text(const CaptionJson& value, std::string_view where, std::string_view key) const {
    LPMC_REQUIRE(value.is_string() || value.is_number_integer(), corrupt,
                 "{}: {}: \"{}\": expected a string, found {}", name_, where, key, json_type_words(value));
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  /// An id or a path: a string, or a list of the one string; null and "" are none.
  template <std::size_t N>
  std::optional<std::string> short_text(const CaptionRecord& record,
                                        const std::array<std::string_view, N>& keys) const {
    const auto key = key_of(record.value, keys);
    if (!key) return std::nullopt;
    const CaptionJson& value = record.value[std::string(*key)];
    if (value.is_null()) return std::nullopt;
    const CaptionJson& one = value.is_array() && value.size() == 1 ? value.front() : value;
    std::string text = id_text(one, record.where, *key);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
  }

  /// Lists side by side: a clip an index.
  void take_lists(const CaptionRecord& record, std::string_view key, const CaptionJson& predictions) {
    const auto list_beside = [&](std::string_view name) -> const CaptionJson& {
      const CaptionJson& list = record.value[std::string(name)];
      LPMC_REQUIRE(list.is_array() && list.size() == predictions.size(), corrupt,
                   "{}: {}: \"{}\": expected a list of {} as \"{}\" is, found {}", name_, record.where, name,
                   predictions.size(), key,
                   list.is_array() ? fmt::format("{}", list.size()) : std::string(json_type_words(list)));
      return list;
    };
    const auto reference_key = key_of(record.value, kReferenceKeys);
    LPMC_REQUIRE(reference_key, corrupt,
                 "{}: {}: expected the key \"ground_truth\", \"true_captions\" or \"references\", found {}",
                 name_, record.where, keys_in(record.value));
    const CaptionJson& references = list_beside(*reference_key);
    const auto id_key = key_of(record.value, kIdKeys);
    const CaptionJson* ids = id_key ? &list_beside(*id_key) : nullptr;
    const auto audio_key = key_of(record.value, kAudioKeys);
    const CaptionJson* audio = audio_key ? &list_beside(*audio_key) : nullptr;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const std::string where = fmt::format("{}, index {}", record.where, i);
      ClipCaptions clip;
      clip.prediction = text_of(predictions[i], where, key);
      add_texts(references[i], where, *reference_key, clip.references);
      if (ids != nullptr) clip.id = id_text((*ids)[i], where, *id_key);
      if (audio != nullptr) clip.audio = id_text((*audio)[i], where, *audio_key);
      add(std::move(clip), where);
    }
  }

  void add(ClipCaptions clip, const std::string& where) {
    if (!clip.id.empty()) {
      const auto [place, is_new] = ids_.emplace(clip.id, where);
      LPMC_REQUIRE(is_new, corrupt, "{}: {}: expected an id of its own, found '{}', which {} has", name_,
                   where, display_path(clip.id.substr(0, 200)), place->second);
    }
    clips_.push_back(std::move(clip));
  }

  std::string_view name_;
  std::vector<ClipCaptions> clips_;
  std::unordered_map<std::string, std::string> ids_;  // id -> where it stands
};

bool have_ids(std::span<const ClipCaptions> clips) {
  return std::all_of(clips.begin(), clips.end(), [](const ClipCaptions& clip) { return !clip.id.empty(); });
}

}  // namespace

std::string read_text_file(const std::filesystem::path& file) {
  LPMC_REQUIRE(!std::filesystem::is_directory(file), invalid_argument, "{}: expected a file, found a folder",
               display_path(file));
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail_errno(display_path(file), errno);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  LPMC_REQUIRE(!stream.bad(), io, "{}: could not be read", display_path(file));
  return text;
}

std::vector<ClipCaptions> parse_captions(std::string_view text, std::string_view name) {
  ClipReader reader(name);
  const auto is_record = [](const CaptionJson& root) {
    const auto key = key_of(root, kPredictionKeys);
    return key && !root[std::string(*key)].is_object();
  };
  for (const CaptionRecord& record : parse_caption_records(text, name, is_record))
    reader.take(record);
  return reader.finish();
}

std::vector<ClipCaptions> read_captions(const std::filesystem::path& file) {
  return parse_captions(read_text_file(file), display_path(file));
}

std::vector<ClipCaptions> match_clips(std::span<const ClipCaptions> clips, std::vector<ClipCaptions> others,
                                      std::string_view name, std::string_view others_name) {
  LPMC_REQUIRE(clips.size() == others.size(), invalid_argument, "{}: expected {} clips as in {}, found {}",
               others_name, clips.size(), name, others.size());
  if (!have_ids(clips) || !have_ids(others)) {
    for (std::size_t i = 0; i < clips.size(); ++i) {
      LPMC_REQUIRE(
          clips[i].references == others[i].references, invalid_argument,
          "{}: clip {}: expected the references that {} has there (there are no ids to go by), found "
          "others",
          others_name, i + 1, name);
    }
    return others;
  }
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < others.size(); ++i)
    places.emplace(others[i].id, i);
  std::vector<ClipCaptions> matched;
  for (const ClipCaptions& clip : clips) {
    const auto place = places.find(clip.id);
    LPMC_REQUIRE(place != places.end(), invalid_argument, "{}: expected the clip '{}' of {}, found none",
                 others_name, display_path(clip.id), name);
    matched.push_back(std::move(others[place->second]));
  }
  return matched;
}

}  // namespace lpmc
