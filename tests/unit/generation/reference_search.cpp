#include "reference_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace lpmc::test {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
using Sequence = std::vector<std::int32_t>;

std::vector<float> plain_log_softmax(const std::vector<float>& logits) {
  const float max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits)
    sum += std::exp(static_cast<double>(x) - static_cast<double>(max));
  const auto log_sum = static_cast<float>(std::log(sum));
  std::vector<float> out;
  for (const float x : logits)
    out.push_back((x - max) - log_sum);
  return out;
}

std::vector<float> process(std::vector<float> scores, const Sequence& sequence,
                           const GenerationOptions& options, const SpecialTokens& special) {
  const int length = static_cast<int>(sequence.size());
  if (options.repetition_penalty != 1.0) {
    const auto penalty = static_cast<float>(options.repetition_penalty);
    for (const std::int32_t token : std::set<std::int32_t>(sequence.begin(), sequence.end())) {
      float& s = scores[static_cast<std::size_t>(token)];
      s = s < 0 ? s * penalty : s / penalty;
    }
  }
  const int n = options.no_repeat_ngram;
  if (n > 0 && length + 1 >= n) {
    std::map<Sequence, Sequence> followers;  // of n - 1 tokens
    for (int i = 0; i + n <= length; ++i) {
      followers[Sequence(sequence.begin() + i, sequence.begin() + i + n - 1)].push_back(
          sequence[static_cast<std::size_t>(i + n - 1)]);
    }
    for (const std::int32_t token : followers[Sequence(sequence.end() - (n - 1), sequence.end())]) {
      scores[static_cast<std::size_t>(token)] = kMinusInfinity;
    }
  }
  if (special.eos >= 0 && length < options.min_length)
    scores[static_cast<std::size_t>(special.eos)] = kMinusInfinity;
  const auto force = [&](std::int32_t token) {
    for (float& s : scores)
      s = kMinusInfinity;
    scores[static_cast<std::size_t>(token)] = 0;
  };
  if (special.forced_bos >= 0 && length == 1) force(special.forced_bos);
  if (special.forced_eos >= 0 && length == options.max_length - 1) force(special.forced_eos);
  return scores;
}

struct Candidate {
  float score;
  std::size_t beam;
  std::int32_t token;
};

class ReferenceBeamSearch {
 public:
  ReferenceBeamSearch(const GenerationOptions& options, const SpecialTokens& special)
      : options_(options), special_(special) {}

  ReferenceResult run(const LogitTable& table, std::int64_t segment) {
    const auto beams = static_cast<std::size_t>(options_.num_beams);
    std::vector<Sequence> sequences(beams, {special_.decoder_start});
    std::vector<float> sums(beams, -1e9F);
    sums[0] = 0;
    bool done = false;
    while (!done && static_cast<int>(sequences[0].size()) < options_.max_length) {
      const std::vector<Candidate> top = best_candidates(table, segment, sequences, sums);
      std::vector<Sequence> next;
      std::vector<float> next_sums;
      for (std::size_t rank = 0; rank < top.size(); ++rank) {
        if (top[rank].token == special_.eos) {
          if (rank < beams) add(sequences[top[rank].beam], top[rank].score);
        } else {
          next.push_back(sequences[top[rank].beam]);
          next.back().push_back(top[rank].token);
          next_sums.push_back(top[rank].score);
        }
        if (next.size() == beams) break;
      }
      done = is_done(top[0].score, sequences[0].size());
      sequences = next;
      sums = next_sums;
    }
    for (std::size_t beam = 0; beam < beams && !done; ++beam)
      add(sequences[beam], sums[beam]);
    return finish();
  }

 private:
  void decided_by(double a, double b) {
    if (a != b) margin_ = std::min(margin_, std::abs(a - b));
  }

  std::vector<Candidate> best_candidates(const LogitTable& table, std::int64_t segment,
                                         const std::vector<Sequence>& sequences,
                                         const std::vector<float>& sums) {
    std::vector<Candidate> all;
    for (std::size_t beam = 0; beam < sequences.size(); ++beam) {
      const std::vector<float> scores = process(plain_log_softmax(table.logits(segment, sequences[beam])),
                                                sequences[beam], options_, special_);
      for (std::size_t token = 0; token < scores.size(); ++token) {
        all.push_back({scores[token] + sums[beam], beam, static_cast<std::int32_t>(token)});
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    const std::size_t wanted = 2 * sequences.size();
    for (std::size_t i = 0; i < wanted && i + 1 < all.size(); ++i) {
      const auto a = static_cast<double>(all[i].score), b = static_cast<double>(all[i + 1].score);
      // Equal sums that are no accident: impossible ones, and those of beams not in use yet.
      if (a == b && a > -1e8) margin_ = 0;
      decided_by(a, b);
    }
    all.resize(wanted);
    return all;
  }

  double normalised(float sum, std::size_t length) const {
    return static_cast<double>(sum) / std::pow(static_cast<double>(length), options_.length_penalty);
  }

  void add(const Sequence& sequence, float sum) {
    const double score = normalised(sum, sequence.size());
    const auto beams = static_cast<std::size_t>(options_.num_beams);
    for (const Hypothesis& other : hypotheses_)
      decided_by(score, other.score);
    if (hypotheses_.size() < beams || score > worst_) {
      hypotheses_.push_back({sequence, score});
      if (hypotheses_.size() > beams) {
        std::vector<std::pair<double, std::size_t>> sorted;
        for (std::size_t i = 0; i < hypotheses_.size(); ++i)
          sorted.emplace_back(hypotheses_[i].score, i);
        std::sort(sorted.begin(), sorted.end());
        hypotheses_.erase(hypotheses_.begin() + static_cast<std::ptrdiff_t>(sorted[0].second));
        worst_ = sorted[1].first;
      } else {
        worst_ = std::min(worst_, score);
      }
    }
  }

  bool is_done(float best, std::size_t length) {
    if (hypotheses_.size() < static_cast<std::size_t>(options_.num_beams)) return false;
    if (options_.early_stopping) return true;
    decided_by(worst_, normalised(best, length));
    return worst_ >= normalised(best, length);
  }

  ReferenceResult finish() {
    ReferenceResult result;
    result.margin = margin_;
    std::stable_sort(hypotheses_.begin(), hypotheses_.end(),
                     [](const Hypothesis& a, const Hypothesis& b) { return a.score < b.score; });
    for (int i = 0; i < options_.n_best; ++i) {
      Hypothesis best = hypotheses_.back();
      hypotheses_.pop_back();
      if (special_.eos >= 0 && static_cast<int>(best.tokens.size()) < options_.max_length) {
        best.tokens.push_back(special_.eos);
      }
      result.hypotheses.push_back(best);
    }
    return result;
  }

  GenerationOptions options_;
  SpecialTokens special_;
  std::vector<Hypothesis> hypotheses_;
  double worst_ = 1e9;
  double margin_ = 1e9;
};

}  // namespace

ReferenceResult reference_beam_search(const LogitTable& table, std::int64_t segment,
                                      const GenerationOptions& options, const SpecialTokens& special) {
  return ReferenceBeamSearch(options, special).run(table, segment);
}

ReferenceResult reference_greedy_search(const LogitTable& table, std::int64_t segment,
                                        const GenerationOptions& options, const SpecialTokens& special) {
  ReferenceResult result;
  result.margin = 1e9;
  Sequence sequence{special.decoder_start};
  double sum = 0;
  bool ended = false;
  while (!ended && static_cast<int>(sequence.size()) < options.max_length) {
    const std::vector<float> logits = table.logits(segment, sequence);
    const std::vector<float> scores = process(logits, sequence, options, special);
    const auto best = std::max_element(scores.begin(), scores.end());
    const auto token = static_cast<std::size_t>(best - scores.begin());
    const auto possible =
        std::count_if(scores.begin(), scores.end(), [](float s) { return s > kMinusInfinity; });
    const bool forced = possible == 1 && *best == 0;
    if (!forced) sum += static_cast<double>(plain_log_softmax(logits)[token]);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (i != token && *best > kMinusInfinity) {
        result.margin = std::min(result.margin, static_cast<double>(*best) - static_cast<double>(scores[i]));
      }
    }
    sequence.push_back(static_cast<std::int32_t>(token));
    ended = sequence.back() == special.eos;
  }
  const std::size_t length = sequence.size() - (ended ? 1 : 0);
  result.hypotheses.push_back(
      {sequence, sum / std::pow(static_cast<double>(length), options.length_penalty)});
  return result;
}

}  // namespace lpmc::test
