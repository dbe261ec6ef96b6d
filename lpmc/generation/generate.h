#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lpmc/generation/options.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// One decoding step of a network that the search knows nothing about. Rows are hypotheses; a row
/// is a continuation of one row of the previous call, or the first row(s) of a new segment:
///   parents[i] < R            continues row parents[i] of the previous call, which had R rows
///   parents[i] = R + j        starts segment j of those the network was given since then
/// (before the first call R is 0). Previous rows that nobody continues are gone; several rows may
/// continue the same one.
/// @param parents, tokens one entry a row: where it comes from and the token appended to it
/// @return logits [rows, vocab] float32 of the next token; valid, and free to be overwritten by the
/// caller, until the next call
using StepFn =
    std::function<TensorView(std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens)>;

/// One finished caption.
struct Hypothesis {
  /// The whole output row as transformers' generate returns it, without padding: start token first,
  /// end token last where it fits into max_length.
  std::vector<std::int32_t> tokens;
  /// Beam search: sum of log-probabilities / length^length_penalty (transformers' sequences_scores);
  /// the length counts the start token, not the end token; a forced token has log-probability 0.
  /// Greedy and plain sampling: the same formula over the chosen tokens, with the network's own
  /// log-probabilities (penalty, temperature and the like left out). Never NaN; -inf for a
  /// hypothesis that the processors rule out, where fewer than n_best possible ones exist.
  double score = 0;
};

/// Throws Error(invalid_argument) naming the first option that makes no sense
/// ("num_beams: expected 1 to 64, found 0").
void validate(const GenerationOptions& options, const SpecialTokens& special, std::int64_t vocab_size);

/// The search of one segment, moved on token by token by whoever owns the network, so that rows of
/// many segments can share a step and finished segments leave. The outcome depends on the segment's
/// own logits alone. Different objects may be advanced by different threads.
///
/// Four ways of searching, as transformers 4.26.1: beam search (num_beams > 1), beam-sample (and
/// sample), greedy search (num_beams = 1), plain sampling (and sample). When sampling, n_best asks
/// for that many independent draws (num_return_sequences), each with num_beams rows: a segment then
/// starts with num_beams * n_best rows. Equal scores go to the lower beam, then the lower token,
/// which torch leaves open.
class SegmentSearch {
 public:
  /// @param stream makes sampling differ between segments and not depend on the batch: equal
  /// (seed, stream) give equal draws
  SegmentSearch(const GenerationOptions& options, const SpecialTokens& special, std::int64_t vocab_size,
                std::uint64_t stream = 0);
  ~SegmentSearch();
  SegmentSearch(SegmentSearch&&) noexcept;
  SegmentSearch& operator=(SegmentSearch&&) noexcept;

  bool done() const;
  /// Rows wanted in the next step: parent (index into this search's own previous rows; 0 before the
  /// first step) and token. Empty when done.
  std::span<const std::int32_t> parents() const;
  std::span<const std::int32_t> tokens() const;
  /// Takes the step's logits [rows, vocab] of these rows, overwriting them. -inf is a logit; NaN,
  /// +inf and a row of nothing but -inf are errors.
  /// @throws Error(invalid_argument) "logits: found NaN at row 3", or for another shape; the search
  /// is then of no more use
  void advance(TensorView logits);
  /// n_best hypotheses, best first. @pre done()
  std::vector<Hypothesis> take_hypotheses();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Searches `segments` segments together: all rows in one step, rows of finished segments leaving.
/// `step` must have been given exactly these segments, in order.
/// @return for each segment its n_best hypotheses, best first
std::vector<std::vector<Hypothesis>> generate(const StepFn& step, std::int64_t segments,
                                              std::int64_t vocab_size, const GenerationOptions& options,
                                              const SpecialTokens& special, std::uint64_t first_stream = 0);

}  // namespace lpmc
