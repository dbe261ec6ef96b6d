#pragma once

#include <span>

#include "lpmc/dataset/samplers.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// Changes of the sound while training; all off in the presets that reproduce the paper.
struct AugmentOptions {
  double gain_db = 0;   ///< gain drawn uniformly from [-gain_db, gain_db]
  double noise_db = 0;  ///< white noise at up to this level, dBFS (negative); 0 = none
  int freq_masks = 0;   ///< SpecAugment: masks of up to freq_mask_bands mel bands
  int freq_mask_bands = 16;
  int time_masks = 0;  ///< SpecAugment: masks of up to time_mask_frames frames
  int time_mask_frames = 100;
};

template <class Field>
void visit(AugmentOptions& o, Field&& field) {
  field("gain-db", o.gain_db, "random gain of up to +- this many dB; 0 = off");
  field("noise-db", o.noise_db, "white noise of up to this level in dBFS, e.g. -40; 0 = off");
  field("freq-masks", o.freq_masks, "SpecAugment: masked stripes of mel bands a clip; 0 = off");
  field("freq-mask-bands", o.freq_mask_bands, "widest such stripe, bands");
  field("time-masks", o.time_masks, "SpecAugment: masked stripes of frames a clip; 0 = off");
  field("time-mask-frames", o.time_mask_frames, "widest such stripe, frames");
}

/// @throws Error(invalid_argument) naming the option out of its range; the functions below call it too
void check(const AugmentOptions& options);

/// Gain, then white Gaussian noise whose RMS (full scale = 1) is drawn uniformly from 0 to the level of
/// noise_db, in place; nothing leaves [-1, 1]. With both off nothing is drawn and nothing changes.
void augment_waveform(std::span<float> waveform, const AugmentOptions& options, CounterRandom& random);

/// SpecAugment's masks, in place on [n_mels, frames] float32: each stripe's width is drawn uniformly from 0
/// to its widest (at most the whole clip), then its place; masked cells become the mean that the clip had.
/// @throws Error(invalid_argument) on another rank or type
/// Source: Park et al. 2019, sections 2 and 3 (no time warping).
void augment_log_mel(TensorView log_mel, const AugmentOptions& options, CounterRandom& random);

}  // namespace lpmc
