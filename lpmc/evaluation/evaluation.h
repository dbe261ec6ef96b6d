#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/bertscore.h"
#include "lpmc/evaluation/bleu.h"
#include "lpmc/evaluation/clip_captions.h"
#include "lpmc/evaluation/comparison.h"
#include "lpmc/evaluation/sentence_splitter.h"
#include "lpmc/evaluation/wordnet.h"

namespace lpmc {

struct EvaluationOptions {
  bool lpmc_compat = true;
  bool confidence = false;
  int replicas = 1000;
  std::uint32_t seed = 0;
  std::int64_t rouge_bootstrap = -1;
  int self_bleu_sample = 500;
};

template <class Field>
void visit(EvaluationOptions& o, Field&& field) {
  field(
      "lpmc-compat", o.lpmc_compat,
      "vocab_size and vocab_novelty as published: the longer of predictions and training captions is cut to "
      "the shorter");
  field("confidence", o.confidence, "95 % bootstrap intervals");
  field("replicas", o.replicas, "bootstrap replicas");
  field("seed", o.seed, "of the bootstrap and of Self-BLEU's sample");
  field("rouge-bootstrap", o.rouge_bootstrap,
        "seed of rouge_score's own bootstrap of rougeL (low, mid, high); -1 = none");
  field("self-bleu-sample", o.self_bleu_sample, "captions that Self-BLEU looks at; 0 = all");
}

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const EvaluationOptions& options);

/// What captions say of the tags that were given for their clips.
struct TagScore {
  double coverage = 0;         ///< share of the tags that the caption expresses
  bool contradiction = false;  ///< whether it contradicts one
};

/// A number may need something that is not there; then it is left out, with the reason.
template <class Part>
struct OptionalPart {
  std::optional<Part> part;
  std::string reason;  ///< why there is none
};

/// What metrics are made of besides the clips; all but `train_captions` handed in so that this folder needs
/// no network, no tags and no search for files.
struct EvaluationParts {
  OptionalPart<std::vector<std::string>> train_captions;
  const WordNet* wordnet = nullptr;  ///< must outlive the call
  std::string wordnet_reason;        ///< why there is none
  Abbreviations abbreviations;
  OptionalPart<BertScoreFn> bert_score;
  std::string bert_score_definition;  ///< "bert_score 0.3.13, roberta-large, layer 17, no idf"
  bool bert_score_idf = false;
  OptionalPart<std::function<std::vector<TagScore>(std::span<const ClipCaptions>)>> tag_scores;
};

/// One number.
struct Metric {
  std::string name;  ///< the key in results.json
  double value = 0;
  std::string definition;
  bool published = false;        ///< one of the original's keys
  bool whole = false;            ///< a count
  std::vector<double> per_clip;  ///< `value` is their mean; empty where it is no mean
  /// Where `value` is corpus_score(sum of counts, order).
  std::shared_ptr<const std::vector<BleuCounts>> counts;
  double (*corpus_score)(const BleuCounts&, int) = nullptr;
  int order = 0;
  std::optional<Interval> interval;  ///< 95 %

  bool can_resample() const { return counts != nullptr || !per_clip.empty(); }
  /// The number of a resample of the clips.   @pre can_resample()
  double resampled(std::span<const std::uint32_t> indices) const;
};

struct LeftOut {
  std::string name, reason;
};

struct Evaluation {
  std::size_t clips = 0;
  EvaluationOptions options;
  std::vector<Metric> metrics;  ///< the original's first, in its order
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;

  const Metric* find(std::string_view name) const;
};

/// All metrics of the clips. Neither the number of threads nor the order of the clips changes a number but
/// Self-BLEU's, whose sample depends on the order, and the bootstrap's.
/// @throws Error(invalid_argument) when there is no clip or an option makes no sense
Evaluation evaluate(std::span<const ClipCaptions> clips, const EvaluationParts& parts,
                    const EvaluationOptions& options);

namespace detail {
/// What evaluate() adds to.
struct EvaluationWork {
  std::span<const ClipCaptions> clips;
  const EvaluationParts& parts;
  Evaluation& result;

  Metric& add(std::string name, double value, std::string definition);
  Metric& add_mean(std::string name, std::vector<double> per_clip, std::string definition);
  void leave_out(std::string name, std::string reason);
  /// per_clip from score(clip), on all threads.
  std::vector<double> each(const std::function<double(const ClipCaptions&)>& score) const;
};
void add_published_metrics(EvaluationWork& work);
void add_more_metrics(EvaluationWork& work);
}  // namespace detail

}  // namespace lpmc
