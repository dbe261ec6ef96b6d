#include "lpmc/training/clip_source.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/zip_writer.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamedMissing = 5;
constexpr float kInt16Scale = 1.0F / 32768;

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::uint32_t text_checksum(std::uint32_t before, std::string_view text) {
  const std::string chained = fmt::format("{:08x} {}", before, text);
  return zip_checksum(std::as_bytes(std::span(chained.data(), chained.size())));
}

}  // namespace

std::vector<std::string> chosen_captions(const ManifestRecord& record, std::string_view choice) {
  std::vector<std::string> captions;
  const auto add = [&](const std::string& caption) {
    if (!caption.empty()) captions.push_back(caption);
  };
  if (choice == "all") {
    for (const auto& [column, caption] : record.captions)
      add(caption);
    return captions;
  }
  for (const std::string& column : split_list(choice)) {
    if (column == "human") {
      add(record.caption);
    } else if (const auto found = record.captions.find(column); found != record.captions.end()) {
      add(found->second);
    }
  }
  return captions;
}

ManifestClips::ManifestClips(const ManifestClipOptions& options) : options_(options) {
  if (!options.cache.empty()) cache_.emplace(options.cache, options.sample_rate);
  for (const fs::path& manifest : options.manifests) {
    read_manifest(manifest,
                  [&](ManifestRecord&& record) { take(std::move(record), manifest.parent_path()); });
  }
  ids_.clear();
  LPMC_REQUIRE(options.skip_missing || counts_.without_sound == 0, not_found,
               "{} clips of the split '{}' have no sound to learn from: {}{}; `lpmc prepare verify` lists "
               "them, --skip-missing leaves them out",
               counts_.without_sound, options.split, fmt::join(missing_, "; "),
               counts_.without_sound > missing_.size() ? "; ..." : "");
}

void ManifestClips::take(ManifestRecord&& record, const fs::path& folder) {
  LPMC_REQUIRE(ids_.insert(record.id).second, corrupt,
               "manifests: expected every id once, found '{}' in two of them", record.id);
  const std::string_view split = record.split.empty() ? std::string_view("train") : record.split;
  if (split != options_.split) {
    ++counts_.other_splits;
    return;
  }
  Clip clip;
  clip.captions = chosen_captions(record, options_.captions);
  if (clip.captions.empty()) {
    ++counts_.without_caption;
    return;
  }
  if (!find_sound(record, folder, clip)) {
    ++counts_.without_sound;
    return;
  }
  clip.id = std::move(record.id);
  clip.tags = std::move(record.tags);
  clips_.push_back(std::move(clip));
}

bool ManifestClips::find_sound(const ManifestRecord& record, const fs::path& folder, Clip& clip) {
  const auto missing = [&](const std::string& why) {
    if (missing_.size() < kNamedMissing) missing_.push_back(fmt::format("'{}' ({})", record.id, why));
    return false;
  };
  if (cache_) clip.entry = cache_->find(record.id);
  if (clip.entry) {
    const double seconds = static_cast<double>(cache_->entry(*clip.entry).samples) / options_.sample_rate;
    return seconds >= kLeastClipSeconds ||
           missing(fmt::format("expected at least {} s, found {:.2f} s", kLeastClipSeconds, seconds));
  }
  clip.file = audio_path(record, options_.audio_dir.empty() ? folder : options_.audio_dir);
  if (clip.file.empty()) return missing(cache_ ? "not in the cache" : "names no audio file");
  std::error_code ignored;
  return fs::is_regular_file(clip.file, ignored) || missing(display_path(clip.file) + " is not there");
}

std::int64_t ManifestClips::crop_begin(std::int64_t samples, CounterRandom& random) const {
  const std::int64_t room = samples - options_.segment_samples;
  if (!options_.random_crop || room <= 0) return 0;
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room) + 1));
}

std::size_t ManifestClips::read_file(const Clip& clip, CounterRandom& random,
                                     std::span<float> waveform) const {
  DecodeOptions options;
  options.sample_rate = options_.sample_rate;
  if (!options_.random_crop) {
    options.duration_s = static_cast<double>(waveform.size()) / options_.sample_rate;
  }
  const Tensor sound = decode_all(clip.file, options);
  const auto samples = sound.values<float>();
  const auto begin = static_cast<std::size_t>(crop_begin(sound.elements(), random));
  const std::size_t count = std::min(samples.size() - begin, waveform.size());
  std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(begin), count, waveform.begin());
  return count;
}

std::string ManifestClips::read(std::size_t item, CounterRandom& random, std::span<float> waveform) const {
  const Clip& clip = clips_[item];
  std::size_t count = 0;
  if (clip.entry) {
    const std::span<const std::int16_t> samples = cache_->samples(*clip.entry);
    const auto begin =
        static_cast<std::size_t>(crop_begin(static_cast<std::int64_t>(samples.size()), random));
    count = std::min(samples.size() - begin, waveform.size());
    std::ranges::transform(samples.subspan(begin, count), waveform.begin(),
                           [](std::int16_t x) { return static_cast<float>(x) * kInt16Scale; });
  } else {
    try {
      count = read_file(clip, random, waveform);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("clip '{}': {}", clip.id, error.what()));
    }
    const double seconds = static_cast<double>(count) / options_.sample_rate;
    LPMC_REQUIRE(seconds >= kLeastClipSeconds, invalid_argument,
                 "clip '{}': {}: expected at least {} s of sound, found {:.2f} s", clip.id,
                 display_path(clip.file), kLeastClipSeconds, seconds);
  }
  std::fill(waveform.begin() + static_cast<std::ptrdiff_t>(count), waveform.end(), 0.0F);
  return clip.captions[random.below(clip.captions.size())];
}

std::vector<std::vector<std::string>> ManifestClips::tags() const {
  std::vector<std::vector<std::string>> tags;
  tags.reserve(clips_.size());
  for (const Clip& clip : clips_)
    tags.push_back(clip.tags);
  return tags;
}

std::string ManifestClips::fingerprint() const {
  std::uint32_t checksum = 0;
  for (const Clip& clip : clips_) {
    checksum = text_checksum(checksum, clip.id);
    for (const std::string& tag : clip.tags)
      checksum = text_checksum(checksum, tag);
    for (const std::string& caption : clip.captions)
      checksum = text_checksum(checksum, caption);
  }
  return fmt::format("{} clips, {:08x}", clips_.size(), checksum);
}

}  // namespace lpmc
