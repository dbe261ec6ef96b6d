#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lpmc/captioning/captions.h"

namespace lpmc::test {

inline Segment spoken(double start_s, double end_s, std::string text, double score = -0.5,
                      std::vector<std::int32_t> tokens = {2, 0, 7, 2}) {
  return {start_s, end_s, false, {{std::move(text), score, std::move(tokens)}}};
}

inline Segment silence(double start_s, double end_s) {
  return {start_s, end_s, true, {}};
}

/// Two captions around a silence, and a short tail.
inline FileCaptions sample_captions() {
  FileCaptions captions;
  captions.file = "song.mp3";
  captions.duration_s = 32.7504;
  captions.model = "default";
  captions.segments = {spoken(0, 10, "A calm piano.", -0.1234567), silence(10, 20),
                       spoken(20, 30, "Drums & \"bass\", loud.", -1), spoken(30, 32.7504, "A fade.", -2)};
  captions.track_caption = "A calm piano.";
  return captions;
}

inline FileCaptions failed_captions() {
  FileCaptions captions;
  captions.file = "broken.mp3";
  captions.failure = Failure{ErrorKind::corrupt, "broken.mp3: no audio"};
  return captions;
}

}  // namespace lpmc::test
