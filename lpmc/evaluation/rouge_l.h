#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

/// The longest common subsequence of two texts beside their lengths, all in tokens.
struct RougeL {
  std::size_t common = 0;
  std::size_t prediction_length = 0;
  std::size_t reference_length = 0;

  double precision() const;  ///< 0 where the prediction is empty
  double recall() const;     ///< 0 where the reference is empty
  double f1() const;         ///< 0 where there is nothing in common
};

/// Lower-case runs of a-z and 0-9; everything else separates.
/// Source: rouge_score 0.1.2, tokenize without stemmer.
std::vector<std::string> tokenize_rouge(std::string_view text);

RougeL rouge_l(std::span<const std::string> prediction, std::span<const std::string> reference);

/// F1 on rouge tokens against the reference where it is best.
/// @throws Error(invalid_argument) when the clip has no reference
/// Source: rouge_score 0.1.2, rougeL.
double rouge_l(const ClipCaptions& clip);

/// Length of the longest common subsequence. Memory grows with a.size() + b.size(), time with
/// a.size() * b.size() / 64.
std::size_t longest_common_subsequence(std::span<const std::string> a, std::span<const std::string> b);

}  // namespace lpmc
