#pragma once

#include "lpmc/training/sample_clips.h"

namespace lpmc::cli {

/// Captions by `lpmc infer`, run as a program of its own: training and running the model share no code but
/// the model folder, and the samples show what users will get.
/// @return empty, with a warning, where there is no lpmc beside this program or on PATH
CaptionClips caption_with_lpmc(int threads);

}  // namespace lpmc::cli
