#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lpmc/captioning/inference_file.h"
#include "lpmc/captioning/options.h"

namespace lpmc::cli {

/// Which clips of a manifest are captioned.
struct ClipSelection {
  std::string manifest;
  std::string split;       ///< "" = all
  std::string split_file;  ///< "" = the manifest's own splits
  std::string audio_dir;   ///< where relative names are looked for; "" = the manifest's folder
};

/// The clips of a manifest in its order; predictions are empty. What is left out is said in the log.
/// @throws Error(not_found, corrupt) as read_tag_records, Error(invalid_argument) when no clip is selected
std::vector<InferredClip> read_clips(const ClipSelection& selection);

/// Where a clip is begun: at its start, or at random (the same for a clip in any run with this seed).
struct Crop {
  bool is_random = false;
  std::int64_t seed = 0;
  double segment_s = 10;

  AudioInput input(const InferredClip& clip) const;
};

}  // namespace lpmc::cli
