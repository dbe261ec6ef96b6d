#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "lpmc/generation/options.h"

namespace lpmc {

/// How audio becomes captions. Names, defaults and help of `lpmc caption`'s flags; JSON bodies and
/// Python keywords are the same list.
struct CaptionOptions {
  double hop_s = 0;       ///< between segment starts; 0 = the model's duration
  double start_s = 0;     ///< where captioning begins in the file
  double duration_s = 0;  ///< how much of it is captioned; 0 = all
  std::string tail = "pad";
  std::string compat = "none";
  bool track = false;
  int batch_size = 0;  ///< segments decoded together; 0 = chosen for this machine
};

/// A file to caption.
struct AudioInput {
  AudioInput(std::filesystem::path file) : path(std::move(file)) {}  // NOLINT: a path is one
  AudioInput(std::filesystem::path file, double start) : path(std::move(file)), start_s(start) {}

  std::filesystem::path path;
  std::optional<double> start_s;  ///< instead of CaptionOptions::start_s
};

template <class Field>
void visit(CaptionOptions& o, Field&& field) {
  field("hop", o.hop_s, "seconds between segment starts; 0 = the model's segment length");
  field("start", o.start_s, "where to begin in the file, in seconds");
  field("duration", o.duration_s, "how many seconds of the file to caption; 0 = all");
  field("tail", o.tail, "what happens to a last piece shorter than a segment: pad or drop");
  field("compat", o.compat, "original: do and print exactly what LP-MusicCaps' captioning.py does");
  field("track", o.track, "add one caption for the whole track, the consensus of its segments");
  field("batch-size", o.batch_size, "segments decoded together; 0 = chosen for this machine");
}

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const CaptionOptions& options);

}  // namespace lpmc
