#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lpmc/base/error.h"

namespace lpmc {

/// One of the captions found for a segment.
struct Candidate {
  std::string text;                  ///< empty when the model has no vocabulary files
  double score = 0;                  ///< sum of log-probabilities / length^length_penalty
  std::vector<std::int32_t> tokens;  ///< the whole output row: start token first, end token last
};

/// A piece of a file and what was found for it.
struct Segment {
  double start_s = 0;
  double end_s = 0;                   ///< where its sound ends: less than a whole segment for a padded tail
  bool silent = false;                ///< nothing to hear: no candidates
  std::vector<Candidate> candidates;  ///< best first; n_best of them

  /// The best caption, empty for silence.
  const std::string& text() const;
};

/// Why a file has no captions.
struct Failure {
  ErrorKind kind = ErrorKind::io;
  std::string message;
};

/// All that is known of one input file.
struct FileCaptions {
  std::filesystem::path file;  ///< as given
  double duration_s = 0;       ///< of the sound that was captioned
  std::string model;           ///< name of the model
  std::vector<Segment> segments;
  std::string track_caption;  ///< empty unless asked for
  std::vector<std::string> warnings;
  std::optional<Failure> failure;  ///< set: no segments, no track caption
};

}  // namespace lpmc
