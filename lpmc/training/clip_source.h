#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "lpmc/audio/waveform_cache.h"
#include "lpmc/dataset/manifest.h"
#include "lpmc/dataset/samplers.h"

namespace lpmc {

/// Clips to learn from: sound and words of the i-th one. Safe from several threads.
class ClipSource {
 public:
  virtual ~ClipSource() = default;
  virtual std::size_t size() const = 0;
  virtual std::string id(std::size_t item) const = 0;
  /// @param random what is drawn (crop, caption) is drawn from here, so that it follows from the sample
  /// @param waveform filled whole: one segment, padded with zeros at its end
  /// @return the caption
  /// @throws Error naming the clip when its sound cannot be had
  virtual std::string read(std::size_t item, CounterRandom& random, std::span<float> waveform) const = 0;
};

/// Which clips of manifests, and what of them.
struct ManifestClipOptions {
  std::vector<std::filesystem::path> manifests;
  std::filesystem::path cache;      ///< empty: audio files only
  std::filesystem::path audio_dir;  ///< where relative names begin; empty: the manifest's folder
  std::string split;                ///< records without a split count as "train"
  std::string captions = "human";   ///< human, all, or columns: "writing,human"
  bool skip_missing = false;        ///< leave clips without sound out instead of throwing
  bool random_crop = true;          ///< false: the first segment
  int sample_rate = 16000;
  std::int64_t segment_samples = 160000;
};

/// Shorter sound than this is no clip: what `lpmc caption` does not describe is not learned from.
inline constexpr double kLeastClipSeconds = 1.0;

/// The clips of manifests. Sound comes from the cache by id, else from the record's file. As in the
/// original, longer sound is cropped at a random place and shorter sound padded with zeros; a caption is
/// drawn uniformly from the columns that are there.
/// Source: lp-music-caps datasets/mc.py, msd.py.
class ManifestClips : public ClipSource {
 public:
  /// What was left out.
  struct Counts {
    std::size_t other_splits = 0;
    std::size_t without_caption = 0;
    std::size_t without_sound = 0;  ///< missing or too short
  };

  /// @throws Error(not_found, corrupt) as read_manifest and WaveformCache; Error(corrupt) for an id that
  /// stands in two manifests; Error(not_found) naming the first clips without sound, unless skip_missing
  explicit ManifestClips(const ManifestClipOptions& options);

  std::size_t size() const override { return clips_.size(); }
  std::string id(std::size_t item) const override { return clips_[item].id; }
  std::string read(std::size_t item, CounterRandom& random, std::span<float> waveform) const override;

  /// A human's caption, else the first column's: what sample captions are compared with.
  const std::string& reference(std::size_t item) const { return clips_[item].captions.front(); }
  /// Of each clip, for the tag-balanced sampler.
  std::vector<std::vector<std::string>> tags() const;
  const Counts& counts() const { return counts_; }
  /// A checksum of ids, captions and tags in their order: equal data sets give equal runs.
  std::string fingerprint() const;

 private:
  struct Clip {
    std::string id;
    std::filesystem::path file;        ///< when not in the cache
    std::optional<std::size_t> entry;  ///< of the cache
    std::vector<std::string> tags;
    std::vector<std::string> captions;
  };
  void take(ManifestRecord&& record, const std::filesystem::path& folder);
  bool find_sound(const ManifestRecord& record, const std::filesystem::path& folder, Clip& clip);
  std::size_t read_file(const Clip& clip, CounterRandom& random, std::span<float> waveform) const;
  std::int64_t crop_begin(std::int64_t samples, CounterRandom& random) const;

  ManifestClipOptions options_;
  std::optional<WaveformCache> cache_;
  std::vector<Clip> clips_;
  std::set<std::string> ids_;
  std::vector<std::string> missing_;  ///< "id: why" of the first few
  Counts counts_;
};

/// The captions of a record that `choice` names, those without text left out.
/// @param choice human, all (every pseudo caption), or a list of columns, "human" among them
std::vector<std::string> chosen_captions(const ManifestRecord& record, std::string_view choice);

}  // namespace lpmc
