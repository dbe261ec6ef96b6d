#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

// BERTScore (Zhang et al. 2020) on embeddings handed in: greedy matching of tokens by cosine, as
// bert_score 0.3.13 does it. What makes the embeddings is not this folder's business.

struct BertScoreValue {
  double precision = 0;
  double recall = 0;
  double f1 = 0;

  friend bool operator==(const BertScoreValue&, const BertScoreValue&) = default;
};

/// Scores clips, one value a clip in their order. The evaluation is handed one of these.
using BertScoreFn = std::function<std::vector<BertScoreValue>(std::span<const ClipCaptions>)>;

/// A text as its model sees it: one row a token, <s> first and </s> last.
struct TokenEmbeddings {
  std::span<const float> rows;  ///< [weights.size(), width], each of length 1 (normalize_rows)
  std::span<const double>
      weights;  ///< share of a token in the means before they are normed; 0 for <s> and </s>

  std::size_t size() const { return weights.size(); }
};

/// Divides each row by its Euclidean length. A row of zeros stays.
void normalize_rows(std::span<float> rows, std::size_t width);

/// Greedy matching: P = weighted mean over prediction tokens of the best cosine with any reference token, R
/// the same with the sides exchanged, F = 2PR/(P+R). <s> and </s> have no weight but may be the partner of
/// others. A side without weight (an empty text; under idf one of tokens that all references have) gives 0
/// for all three.
/// @throws Error(invalid_argument) when rows are no multiple of the sizes, or the widths differ
BertScoreValue bert_score(const TokenEmbeddings& prediction, const TokenEmbeddings& reference);

/// Several references: the maximum of P, of R and of F, each for itself.   @pre not empty
BertScoreValue best_of(std::span<const BertScoreValue> values);

/// Inverse document frequencies of token ids: ln((N + 1) / (n + 1)), n the number of the N references that
/// hold the token. Tokens of every reference, <s> and </s> among them, get 0.
class TokenIdf {
 public:
  /// @param references token ids of every reference, special tokens included
  explicit TokenIdf(std::span<const std::vector<std::int32_t>> references);

  double weight(std::int32_t token) const;

 private:
  std::unordered_map<std::int32_t, double> weights_;
  double unseen_ = 0;
};

/// The scores that unrelated sentences get, by bert_score's own file for a model and language: rescaled
/// scores are (x - baseline) / (1 - baseline), so that 0 means "no better than chance".
class BertScoreBaseline {
 public:
  /// Reads bert_score's CSV: "LAYER,P,R,F", then a line a layer.
  /// @throws Error(not_found, corrupt) naming file, line, expected, found; Error(not_found) when there is no
  /// line for `layer`
  BertScoreBaseline(const std::filesystem::path& file, int layer);
  /// The same from memory.   @param where names the text in errors
  BertScoreBaseline(std::string_view csv, std::string_view where, int layer);

  BertScoreValue rescale(const BertScoreValue& value) const;

 private:
  BertScoreValue baseline_;
};

}  // namespace lpmc
