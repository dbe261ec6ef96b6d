#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

/// Diversity by the protocol of playntell (Gabbolini et al. 2022). Texts are taken as they are: that project
/// normalises captions before training, not when scoring. Its BLEU, ROUGE-L and CIDEr-D are coco_metrics.h on
/// white-space tokens; its BERTScore is the recall with idf.
struct PlayntellDiversity {
  double perc_novel = 0;  ///< 100 x share of all predictions (not of the different ones) that no training
                          ///< caption equals
  std::int64_t vocabulary = 0;  ///< different pieces of the predictions between single spaces
};

/// @param train_captions may be empty: perc_novel is then without meaning
PlayntellDiversity playntell_diversity(std::span<const ClipCaptions> clips,
                                       std::span<const std::string> train_captions);

}  // namespace lpmc
