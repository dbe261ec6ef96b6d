// Beam search and beam-sample, as transformers 4.26.1 generation/utils.py has them, with
// BeamSearchScorer of generation/beam_search.py. Kept on purpose: processors act on log-probabilities
// that are not normalised again; beam-sample starts all beams at 0 (beam search all but the first at
// -1e9), and its temperature divides the sum of a sequence at every step.

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "lpmc/base/threads.h"
#include "lpmc/generation/beam_hypotheses.h"
#include "lpmc/generation/logits_processors.h"
#include "lpmc/generation/row_scan.h"
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
  /// What one beam needs in a step.
  struct Row {
    RowScan scan;
    std::vector<TokenChange> changes;
    std::vector<TokenScore> tokens;  // what is left of the row
  };

  std::span<const std::int32_t> sequence(std::size_t beam) const {
    return {sequences_.get() + beam * max_length_, length_};
  }
  void score_row(std::size_t beam, std::span<float> logits);
  void force(std::int32_t token, std::size_t beam);
  void find_best_candidates();
  void draw_candidates();
  void add_impossible();
  void continue_or_complete();
  void append();

  GenerationOptions options_;
  std::int32_t eos_;
  std::int32_t vocab_size_;
  std::size_t num_beams_;
  std::size_t max_length_;
  LogitsProcessors processors_;
  Draws draws_;
  BeamHypotheses complete_;
  std::size_t length_ = 1;                                          // of every sequence
  std::unique_ptr<std::int32_t[]> sequences_, previous_sequences_;  // [num_beams, max_length]
  std::vector<float> sums_;                                         // [num_beams]
  std::vector<Row> rows_;                                           // [num_beams]
  std::vector<Candidate> candidates_;                               // best first
  std::vector<Candidate> next_;                                     // those that go on
};

BeamSearch::BeamSearch(const SearchSetup& setup)
    : options_(setup.options),
      eos_(setup.special.eos),
      vocab_size_(static_cast<std::int32_t>(setup.vocab_size)),
      num_beams_(static_cast<std::size_t>(setup.options.num_beams)),
      max_length_(static_cast<std::size_t>(setup.options.max_length)),
      processors_(setup.options, setup.special),
      draws_(setup.options.seed, setup.stream, setup.replica),
      complete_(setup.options),
      sequences_(std::make_unique_for_overwrite<std::int32_t[]>(num_beams_ * max_length_)),
      previous_sequences_(std::make_unique_for_overwrite<std::int32_t[]>(num_beams_ * max_length_)),
      sums_(num_beams_, setup.options.sample ? 0.0F : kUnusedBeam) {
  sums_[0] = 0;
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    sequences_[beam * max_length_] = setup.special.decoder_start;
    Row& row = rows_.emplace_back(Row{RowScan(static_cast<std::size_t>(setup.vocab_size)), {}, {}});
    row.changes.reserve(processors_.max_changes());
    row.tokens.reserve(2 * num_beams_);
  }
  candidates_.reserve(2 * num_beams_ * num_beams_);
  next_.reserve(num_beams_);
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
  if (options_.sample) {
    draw_candidates();
  } else {
    find_best_candidates();
  }
  continue_or_complete();
  const std::size_t length_before = length_;
  append();
  if (complete_.is_done(candidates_.front().score, length_before)) {
    finish();
  } else if (length_ >= max_length_) {
    // Out of room: the open beams are hypotheses as they stand.
    for (std::size_t beam = 0; beam < num_beams_; ++beam)
      complete_.add(sequence(beam), sums_[beam]);
    finish();
  }
}

/// Logits of a beam to what of its tokens may become a candidate.
void BeamSearch::score_row(std::size_t beam, std::span<float> logits) {
  Row& row = rows_[beam];
  const auto row_index = static_cast<std::int64_t>(beam);
  if (options_.sample) {
    constexpr std::size_t kMinTokens = 2;  // so that one of them is not the end token
    log_softmax(logits, row_index);
    processors_.apply(sequence(beam), logits);
    for (float& score : logits)
      score += sums_[beam];
    row.tokens = warp(logits, options_, kMinTokens);
  } else if (const std::optional<std::int32_t> forced = processors_.forced_token(length_)) {
    checked_max(logits, row_index);
    force(*forced, beam);
  } else {
    const LogSoftmax log_probability = row.scan.read(logits, row_index);
    processors_.find_changes(sequence(beam), logits, log_probability, row.changes);
    row.scan.top_tokens(logits, {log_probability, sums_[beam]}, row.changes, 2 * num_beams_, row.tokens);
  }
}

/// The best tokens of a row where one has score 0 and all others -inf.
void BeamSearch::force(std::int32_t token, std::size_t beam) {
  std::vector<TokenScore>& best = rows_[beam].tokens;
  const std::size_t count = std::min(2 * num_beams_, static_cast<std::size_t>(vocab_size_));
  best.clear();
  for (std::int32_t other = 0; static_cast<std::size_t>(other) < count; ++other) {
    if (other != token) best.push_back({-std::numeric_limits<float>::infinity(), other});
  }
  keep_best({sums_[beam], token}, count, best);
}

/// The 2 num_beams best ways to go on; equal ones in order of beam, then token (torch leaves their order
/// open).
void BeamSearch::find_best_candidates() {
  candidates_.clear();
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    for (const TokenScore& token : rows_[beam].tokens)
      candidates_.push_back({token.score, static_cast<std::int32_t>(beam), token.token});
  }
  // There are as many: a vocabulary has two tokens or more.
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(2 * num_beams_);
  std::partial_sort(candidates_.begin(), end, candidates_.end(), comes_first);
  candidates_.erase(end, candidates_.end());
}

/// 2 num_beams different ways to go on, drawn from all beams together.
void BeamSearch::draw_candidates() {
  std::vector<Candidate> pool;
  std::vector<float> scores;
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    for (const TokenScore& token : rows_[beam].tokens) {
      pool.push_back({token.score, static_cast<std::int32_t>(beam), token.token});
      scores.push_back(token.score);
    }
  }
  candidates_.clear();
  if (pool.size() < 2 * num_beams_) {
    candidates_ = pool;
    add_impossible();
  } else {
    for (const std::size_t index : draw_without_replacement(scores, 2 * num_beams_, draws_, length_))
      candidates_.push_back(pool[index]);
  }
  std::sort(candidates_.begin(), candidates_.end(), comes_first);
}

/// Fills up to 2 num_beams with candidates of probability 0, in order of beam, then token.
/// @pre the candidates are in that order
void BeamSearch::add_impossible() {
  const std::size_t possible = candidates_.size();
  std::size_t next_possible = 0;
  for (std::int32_t beam = 0; static_cast<std::size_t>(beam) < num_beams_; ++beam) {
    for (std::int32_t token = 0; token < vocab_size_; ++token) {
      if (candidates_.size() == 2 * num_beams_) return;
      if (next_possible < possible && candidates_[next_possible].beam == beam &&
          candidates_[next_possible].token == token) {
        ++next_possible;
      } else {
        candidates_.push_back({-std::numeric_limits<float>::infinity(), beam, token});
      }
    }
  }
}

/// Takes candidates from the best down: an end among the first num_beams completes a hypothesis, one
/// after them is nothing, all other tokens go on until every beam has one. At most one candidate of
/// a beam is an end, so among 2 num_beams there are enough others.
void BeamSearch::continue_or_complete() {
  next_.clear();
  for (std::size_t rank = 0; rank < candidates_.size() && next_.size() < num_beams_; ++rank) {
    const Candidate& candidate = candidates_[rank];
    if (candidate.token != eos_) {
      next_.push_back(candidate);
    } else if (rank < num_beams_) {
      complete_.add(sequence(static_cast<std::size_t>(candidate.beam)), candidate.score);
    }
  }
}

void BeamSearch::append() {
  std::swap(sequences_, previous_sequences_);
  for (std::size_t beam = 0; beam < num_beams_; ++beam) {
    const Candidate& next = next_[beam];
    const std::int32_t* parent =
        previous_sequences_.get() + static_cast<std::size_t>(next.beam) * max_length_;
    *std::copy_n(parent, length_, sequences_.get() + beam * max_length_) = next.token;
    sums_[beam] = next.score;
    parents_[beam] = next.beam;
    tokens_[beam] = next.token;
  }
  ++length_;
}

std::vector<Hypothesis> BeamSearch::take_hypotheses() {
  const std::size_t wanted = options_.sample ? 1 : static_cast<std::size_t>(options_.n_best);
  std::vector<Hypothesis> hypotheses;
  for (BeamHypotheses::Entry& entry : complete_.take_best_first()) {
    if (hypotheses.size() == wanted) break;
    Hypothesis& hypothesis = hypotheses.emplace_back(Hypothesis{std::move(entry.tokens), entry.score});
    if (eos_ >= 0 && hypothesis.tokens.size() < max_length_) {
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
