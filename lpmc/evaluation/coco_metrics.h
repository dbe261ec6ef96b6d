#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/bleu.h"
#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

// The metrics of image and audio captioning (pycocoevalcap, aac-metrics, playntell) on tokens at hand: the
// definitions leave the tokens to the caller, and a number says with its name which ones it is on.

struct TokenizedClip {
  std::vector<std::string> prediction;
  std::vector<std::vector<std::string>> references;
};

using TokenizeFn = std::function<std::vector<std::string>(std::string_view)>;

/// Each clip's texts as tokens, on the threads of base/threads.h.
std::vector<TokenizedClip> tokenize_clips(std::span<const ClipCaptions> clips, const TokenizeFn& tokenize);

/// As bleu_counts(), but the reference length is that of the reference closest to the prediction's (of two
/// as close, the shorter).
BleuCounts coco_bleu_counts(const TokenizedClip& clip);

/// BLEU of summed counts, smoothed by small constants: never exactly 0 where there are n-grams.
/// @param order 1 to 4
/// Source: pycocoevalcap bleu_scorer, option "closest".
double coco_bleu(const BleuCounts& corpus, int order);

/// F of beta 1.2 from the best precision and the best recall over the references, each for itself.
/// Source: pycocoevalcap rouge.
double coco_rouge_l(const TokenizedClip& clip);

/// CIDEr-D of every clip, 0 to 10; document frequencies are those of the references handed in, so a clip's
/// value depends on the others.
/// @throws Error(invalid_argument) for fewer than two clips: all weights would be 0
/// Source: pycocoevalcap cider (CIDEr-D: clipped, length penalty of sigma 6, no stemming).
std::vector<double> cider_d(std::span<const TokenizedClip> clips);

}  // namespace lpmc
