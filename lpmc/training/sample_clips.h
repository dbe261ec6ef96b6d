#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/model/config.h"
#include "lpmc/training/clip_source.h"

namespace lpmc {

/// Captions of a manifest's clips in its order, by a model folder.
using CaptionClips = std::function<std::vector<std::string>(const std::filesystem::path& model,
                                                            const std::filesystem::path& manifest)>;

/// `count` of [0, size), evenly spread.
std::vector<std::size_t> spread_items(std::size_t size, std::size_t count);

/// A few fixed clips whose captions show how a run gets on: their first segments as WAV files in a folder,
/// with a manifest, so that any program that captions files can be asked.
class SampleClips {
 public:
  /// Writes `folder`/0.wav, ... and `folder`/manifest.jsonl.
  /// @throws Error(io), Error of the source
  SampleClips(const ManifestClips& clips, std::size_t count, const ModelConfig& config,
              std::filesystem::path folder);

  /// [{"id", "audio", "reference", "caption"}]; empty, with one warning, when captioning fails.
  nlohmann::json captions(const std::filesystem::path& model, const CaptionClips& caption);

 private:
  std::filesystem::path folder_;
  nlohmann::json clips_ = nlohmann::json::array();
  bool has_warned_ = false;
};

}  // namespace lpmc
