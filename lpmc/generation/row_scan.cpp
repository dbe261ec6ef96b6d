#include "lpmc/generation/row_scan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "lpmc/generation/row_kernels.h"

namespace lpmc {
namespace {

using row_kernels::kBlocks;
using row_kernels::kStretch;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::size_t block_of(std::size_t token) {
  return token / kStretch * kBlocks + token % kBlocks;
}

/// The tokens of a block, kBlocks apart.
struct BlockTokens {
  BlockTokens(std::size_t block, std::size_t vocab_size)
      : first(block / kBlocks * kStretch + block % kBlocks),
        end(std::min(block / kBlocks * kStretch + kStretch, vocab_size)) {}
  std::size_t first;
  std::size_t end;
};

}  // namespace

RowScan::RowScan(std::size_t vocab_size)
    : blocks_(vocab_size / kStretch * kBlocks + std::min(vocab_size % kStretch, kBlocks)),
      maxima_((vocab_size + kStretch - 1) / kStretch * kBlocks),
      scores_(blocks_) {
  highest_.reserve(blocks_);
}

LogSoftmax RowScan::read(std::span<const float> logits, std::int64_t row_index) {
  const row_kernels::Table& kernels = row_kernels::best();
  float max = -kInfinity;
  double sum = 0;  // of exp(logit - max)
  for (std::size_t i = 0; i < logits.size(); i += kStretch) {
    const std::size_t size = std::min(kStretch, logits.size() - i);
    const float highest = kernels.block_maxima(logits.data() + i, size, &maxima_[block_of(i)]);
    if (highest > max) {
      sum *= std::exp(static_cast<double>(max) - static_cast<double>(highest));
      max = highest;
    }
    // Nothing but -inf so far: any other number in place of the maximum shows whether there are NaN.
    sum += kernels.sum_exp(logits.data() + i, size, max > -kInfinity ? max : 0.0F);
  }
  // NaN and +inf make the sum NaN; the slow way finds out which it was.
  if (!(sum < kInfinity) || !(max > -kInfinity)) checked_max(logits, row_index);
  return {max, std::log(static_cast<float>(sum))};
}

void RowScan::top_tokens(std::span<float> logits, const RowScoring& scoring,
                         std::span<const TokenChange> changed, std::size_t k, std::vector<TokenScore>& top) {
  k = std::min(k, logits.size());
  top.clear();
  if (k == 0) return;
  for (const TokenChange& change : changed) {
    keep_best({change.score + scoring.add, change.token}, k, top);
    // Below, NaN is no candidate: comparisons with it are false.
    logits[static_cast<std::size_t>(change.token)] = std::numeric_limits<float>::quiet_NaN();
  }
  score_blocks(logits, scoring, changed);
  const float lowest = score_to_reach(k);
  for (std::size_t block = 0; block < blocks_; ++block) {
    if (scores_[block] < lowest) continue;
    const BlockTokens tokens(block, logits.size());
    if (top.size() == k && scores_[block] <= top.back().score &&
        (scores_[block] < top.back().score || static_cast<std::int32_t>(tokens.first) > top.back().token)) {
      continue;
    }
    for (std::size_t token = tokens.first; token < tokens.end; token += kBlocks) {
      const float score = scoring(logits[token]);
      if (score >= lowest) keep_best({score, static_cast<std::int32_t>(token)}, k, top);
    }
  }
  for (const TokenChange& change : changed)
    logits[static_cast<std::size_t>(change.token)] = change.logit;
}

/// The best score of every block without the changed tokens, which are NaN in `logits`. Each rounding of
/// a score keeps order, so the highest logit has it.
void RowScan::score_blocks(std::span<const float> logits, const RowScoring& scoring,
                           std::span<const TokenChange> changed) {
  for (std::size_t block = 0; block < blocks_; ++block)
    scores_[block] = scoring(maxima_[block]);
  for (const TokenChange& change : changed) {
    const std::size_t block = block_of(static_cast<std::size_t>(change.token));
    if (change.logit < maxima_[block]) continue;
    const BlockTokens tokens(block, logits.size());
    float highest = -kInfinity;
    for (std::size_t token = tokens.first; token < tokens.end; token += kBlocks)
      highest = logits[token] > highest ? logits[token] : highest;
    scores_[block] = scoring(highest);
  }
}

/// The k-th highest score of the blocks: k tokens reach it, so lower ones are not among the k best.
float RowScan::score_to_reach(std::size_t k) {
  if (k > blocks_) return -kInfinity;
  const auto first_k = scores_.begin() + static_cast<std::ptrdiff_t>(k);
  highest_.assign(scores_.begin(), first_k);
  std::sort(highest_.begin(), highest_.end(), std::greater<>());
  for (auto score = first_k; score != scores_.end(); ++score) {
    if (!(*score > highest_.back())) continue;
    highest_.pop_back();
    highest_.insert(std::upper_bound(highest_.begin(), highest_.end(), *score, std::greater<>()), *score);
  }
  return highest_.back();
}

}  // namespace lpmc
