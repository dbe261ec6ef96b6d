#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

constexpr int kBleuOrders = 4;

/// What corpus BLEU adds up over clips; element n - 1 is of the n-grams.
struct BleuCounts {
  std::array<std::int64_t, kBleuOrders> matches{};  ///< clipped by the largest count of any reference
  std::array<std::int64_t, kBleuOrders> totals{};   ///< n-grams of the prediction
  std::int64_t prediction_length = 0;               ///< tokens
  std::int64_t reference_length = 0;                ///< tokens of the shortest reference

  BleuCounts& operator+=(const BleuCounts& other);
  bool operator==(const BleuCounts&) const = default;
};

/// A clip's counts on 13a tokens.
/// @throws Error(invalid_argument) when the clip has no reference
BleuCounts bleu_counts(const ClipCaptions& clip);

/// The same of tokens at hand.
BleuCounts bleu_counts(std::span<const std::string> prediction,
                       std::span<const std::vector<std::string>> references);

/// BLEU of summed counts in [0, 1]: not smoothed, so 0 where an order up to `order` has no match; also 0
/// where there is no token at all (the original divides by zero there).
/// @param order 1 to 4; every n-gram length up to it weighs the same
/// Source: `evaluate` 0.4.0's bleu with max_order = order.
double bleu(const BleuCounts& corpus, int order);

}  // namespace lpmc
