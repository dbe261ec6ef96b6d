#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

/// Pieces between white space.
std::size_t caption_length(std::string_view caption);

struct LengthStatistics {
  double mean = 0;
  double standard_deviation = 0;  ///< of the population: divided by the number of captions
};

/// Lengths of the predictions; zeros of no clips.
LengthStatistics caption_lengths(std::span<const ClipCaptions> clips);

/// Words of a caption as the published vocabulary counts them: lower-case, every "," and "." deleted and
/// nothing else, split at white space.
std::vector<std::string> vocabulary_words(std::string_view caption);

struct VocabularyStatistics {
  std::int64_t size = 0;            ///< different words of the predictions
  std::int64_t novel = 0;           ///< of these, words of no training caption
  std::int64_t predictions = 0;     ///< how many predictions were read
  std::int64_t train_captions = 0;  ///< how many training captions were read

  double novelty() const;  ///< novel / size, 0 of no words
};

/// vocab_size and vocab_novelty as published. Kept on purpose: predictions and training captions are walked
/// in step and the longer list is cut to the shorter, so the last predictions may not count.
/// Source: LP-MusicCaps utils/metrics.py.
VocabularyStatistics vocabulary_published(std::span<const ClipCaptions> clips,
                                          std::span<const std::string> train_captions);

/// The same of all predictions and all training captions.
VocabularyStatistics vocabulary_all(std::span<const ClipCaptions> clips,
                                    std::span<const std::string> train_captions);

/// Share of the different predictions that no training caption equals, byte for byte; 0 of no clips.
double caption_novelty(std::span<const ClipCaptions> clips, std::span<const std::string> train_captions);

}  // namespace lpmc
