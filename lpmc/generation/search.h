#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lpmc/generation/generate.h"
#include "lpmc/generation/options.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// What a way of searching works on. Options are validated.
struct SearchSetup {
  GenerationOptions options;
  SpecialTokens special;
  std::int64_t vocab_size = 0;
  /// What sampling draws from, beside options.seed: the segment's stream, and which of the n_best
  /// independent draws this one is.
  std::uint64_t stream = 0;
  std::uint64_t replica = 0;
};

/// One search with rows of its own: the parts of a SegmentSearch.
class Search {
 public:
  Search() = default;
  virtual ~Search() = default;
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  bool done() const { return done_; }
  /// Rows wanted next, as SegmentSearch::parents and tokens. Empty when done.
  std::span<const std::int32_t> parents() const { return parents_; }
  std::span<const std::int32_t> tokens() const { return tokens_; }
  /// @param logits [rows, vocab] float32 of these rows; overwritten
  virtual void advance(TensorView logits) = 0;
  /// Best first. @pre done()
  virtual std::vector<Hypothesis> take_hypotheses() = 0;

 protected:
  void finish() {
    done_ = true;
    parents_.clear();
    tokens_.clear();
  }

  std::vector<std::int32_t> parents_, tokens_;

 private:
  bool done_ = false;
};

/// num_beams > 1: beam search, or with options.sample beam-sample.
std::unique_ptr<Search> make_beam_search(const SearchSetup& setup);

/// num_beams = 1: greedy search, or with options.sample plain sampling of one row.
std::unique_ptr<Search> make_greedy_search(const SearchSetup& setup);

}  // namespace lpmc
