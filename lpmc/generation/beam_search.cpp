// Beam search and beam-sample, as transformers 4.26.1 generation/utils.py has them, with
// BeamSearchScorer of generation/beam_search.py. Kept on purpose: processors act on log-probabilities
// that are not normalised again; beam-sample starts all beams at 0 (beam search all but the first at
// -1e9), and its temperature divides the sum of a sequence at every step.

#include <algorithm>
#include <limits>
#include <utility>

#include "lpmc/base/threads.h"
#include "lpmc/generation/beam_hypotheses.h"
#include "lpmc/generation/logits_processors.h"
#include "lpmc/generation/row_scores.h"
#include "lpmc/generation/sampling.h"
#include "lpmc/generation/search.h"

namespace lpmc {
namespace {

/// Sum of a beam that must not win against the first one: all start as the same sequence.
constexpr float kUnusedBeam = -1e9F;

/// A way to go on: this token after that beam, with the sum of log-probabilities that makes.
struct Candidate {
  float score;
  std::int32_t beam;
  std::int32_t token;
};

bool comes_first(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.beam != b.beam ? a.beam < b.beam : a.token < b.token;
}

class BeamSearch final : public Search {
 public:
  explicit BeamSearch(const SearchSetup& setup);
  void advance(TensorView logits) override;
  std::vector<Hypothesis> take_hypotheses() override;

 private:
  std::size_t length() const { return sequences_.front().size(); }
  void score_row(std::size_t beam, std::span<float> row);
  std::vector<Candidate> best_candidates() const;
  std::vector<Candidate> drawn_candidates() const;
  void add_impossible(std::vector<Candidate>& candidates) const;
  std::vector<Candidate> continue_or_complete(std::span<const Candidate> candidates);
  void append(std::span<const Candidate> next);

  GenerationOptions options_;
  std::int32_t eos_;
  std::int32_t vocab_size_;
  std::size_t num_beams_;
  LogitsProcessors processors_;
  Draws draws_;
  BeamHypotheses complete_;
  std::vector<std::vector<std::int32_t>> sequences_;  // [num_beams]
  std::vector<float> sums_;                           // [num_beams]
  std::vector<std::vector<TokenScore>> row_tokens_;   // what is left of each row in this step
};

BeamSearch::BeamSearch(const SearchSetup& setup)
    : options_(setup.options),
      eos_(setup.special.eos),
      vocab_size_(static_cast<std::int32_t>(setup.vocab_size)),
      num_beams_(static_cast<std::size_t>(setup.options.num_beams)),
      processors_(setup.options, setup.special),
      draws_(setup.options.seed, setup.stream, setup.replica),
      complete_(setup.options),
      sequences_(num_beams_, {setup.special.decoder_start}),
      sums_(num_beams_, setup.options.sample ? 0.0F : kUnusedBeam),
      row_tokens_(num_beams_) {
  sums_[0] = 0;
  parents_.assign(num_beams_, 0);
  tokens_.assign(num_beams_, setup.special.decoder_start);
}

void BeamSearch::advance(TensorView logits) {
  const auto vocab = static_cast<std::size_t>(vocab_size_);
  float* data = logits.mutable_data<float>();
  parallel_for(static_cast<std::int64_t>(num_beams_), [&](std::int64_t row) {
    const auto beam = static_cast<std::size_t>(row);
    score_row(beam, {data + beam * vocab, vocab});
  });
  const std::vector<Candidate> candidates = options_.sample ? drawn_candidates() : best_candidates();
  const std::size_t length_before = length();
  append(continue_or_complete(candidates));
  if (complete_.is_done(candidates.front().score, length_before)) {
    finish();
  } else if (length() >= static_cast<std::size_t>(options_.max_length)) {
    // Out of room: the open beams are hypotheses as they stand.
    for (std::size_t beam = 0; beam < num_beams_; ++beam)
      complete_.add(sequences_[beam], sums_[beam]);
    finish();
  }
}

/// Logits of a beam to what of its tokens may become a candidate.
void BeamSearch::score_row(std::size_t beam, std::span<float> row) {
  log_softmax(row, static_cast<std::int64_t>(beam));
  processors_.apply(sequences_[beam], row);
  if (!options_.sample) {
    top_tokens(row, sums_[beam], 2 * num_beams_, row_tokens_[beam]);
    return;
  }
  constexpr std::size_t kMinTokens = 2;  // so that one of them is not the end token
  for (float& score : row)
    score += sums_[beam];
  row_tokens_[beam] = warp(row, options_, kMinTokens);
}

/// The 2 num_beams best ways to go on, best first; equal ones in order of beam, then token (torch
/// leaves their order open).
std::vector<Candidate> BeamSearch::best_candidates() const {
  std::vector<Candidate> candidates;
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    for (const TokenScore& token : row_tokens_[beam]) {
      candidates.push_back({token.score, static_cast<std::int32_t>(beam), token.token});
    }
  }
  std::sort(candidates.begin(), candidates.end(), comes_first);
  candidates.resize(2 * num_beams_);  // there are as many: a vocabulary has two tokens or more
  return candidates;
}

/// 2 num_beams different ways to go on, drawn from all beams together, best first.
std::vector<Candidate> BeamSearch::drawn_candidates() const {
  std::vector<Candidate> pool;
  std::vector<float> scores;
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    for (const TokenScore& token : row_tokens_[beam]) {
      pool.push_back({token.score, static_cast<std::int32_t>(beam), token.token});
      scores.push_back(token.score);
    }
  }
  if (pool.size() < 2 * num_beams_) {
    add_impossible(pool);
    std::sort(pool.begin(), pool.end(), comes_first);
    return pool;
  }
  std::vector<Candidate> candidates;
  for (const std::size_t index : draw_without_replacement(scores, 2 * num_beams_, draws_, length())) {
    candidates.push_back(pool[index]);
  }
  std::sort(candidates.begin(), candidates.end(), comes_first);
  return candidates;
}

/// Fills up to 2 num_beams with candidates of probability 0, in order of beam, then token.
/// @pre `candidates` is in that order
void BeamSearch::add_impossible(std::vector<Candidate>& candidates) const {
  const std::size_t possible = candidates.size();
  std::size_t next_possible = 0;
  for (std::int32_t beam = 0; static_cast<std::size_t>(beam) < num_beams_; ++beam) {
    for (std::int32_t token = 0; token < vocab_size_; ++token) {
      if (candidates.size() == 2 * num_beams_) return;
      if (next_possible < possible && candidates[next_possible].beam == beam &&
          candidates[next_possible].token == token) {
        ++next_possible;
      } else {
        candidates.push_back({-std::numeric_limits<float>::infinity(), beam, token});
      }
    }
  }
}

/// Takes candidates from the best down: an end among the first num_beams completes a hypothesis, one
/// after them is nothing, all other tokens go on until every beam has one. At most one candidate of
/// a beam is an end, so among 2 num_beams there are enough others.
std::vector<Candidate> BeamSearch::continue_or_complete(std::span<const Candidate> candidates) {
  std::vector<Candidate> next;
  for (std::size_t rank = 0; rank < candidates.size() && next.size() < num_beams_; ++rank) {
    const Candidate& candidate = candidates[rank];
    if (candidate.token != eos_) {
      next.push_back(candidate);
    } else if (rank < num_beams_) {
      complete_.add(sequences_[static_cast<std::size_t>(candidate.beam)], candidate.score);
    }
  }
  return next;
}

void BeamSearch::append(std::span<const Candidate> next) {
  std::vector<std::vector<std::int32_t>> sequences;
  sequences.reserve(num_beams_);
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    std::vector<std::int32_t>& sequence =
        sequences.emplace_back(sequences_[static_cast<std::size_t>(next[beam].beam)]);
    sequence.push_back(next[beam].token);
    sums_[beam] = next[beam].score;
    parents_[beam] = next[beam].beam;
    tokens_[beam] = next[beam].token;
  }
  sequences_ = std::move(sequences);
}

std::vector<Hypothesis> BeamSearch::take_hypotheses() {
  const std::size_t wanted = options_.sample ? 1 : static_cast<std::size_t>(options_.n_best);
  std::vector<Hypothesis> hypotheses;
  for (BeamHypotheses::Entry& entry : complete_.take_best_first()) {
    if (hypotheses.size() == wanted) break;
    Hypothesis& hypothesis = hypotheses.emplace_back(Hypothesis{std::move(entry.tokens), entry.score});
    if (eos_ >= 0 && hypothesis.tokens.size() < static_cast<std::size_t>(options_.max_length)) {
      hypothesis.tokens.push_back(eos_);
    }
  }
  return hypotheses;
}

}  // namespace

std::unique_ptr<Search> make_beam_search(const SearchSetup& setup) {
  return std::make_unique<BeamSearch>(setup);
}

}  // namespace lpmc
