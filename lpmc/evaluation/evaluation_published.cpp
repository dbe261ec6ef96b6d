// The original's numbers under the original's keys.

#include <utility>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/caption_statistics.h"
#include "lpmc/evaluation/evaluation.h"
#include "lpmc/evaluation/meteor.h"
#include "lpmc/evaluation/resampling.h"
#include "lpmc/evaluation/rouge_l.h"

namespace lpmc::detail {
namespace {

void add_bleu(EvaluationWork& work) {
  const auto counts = std::make_shared<std::vector<BleuCounts>>(work.clips.size());
  parallel_for(static_cast<std::int64_t>(work.clips.size()), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    (*counts)[i] = bleu_counts(work.clips[i]);
  });
  BleuCounts sum;
  for (const BleuCounts& one : *counts)
    sum += one;
  for (int order = 1; order <= kBleuOrders; ++order) {
    Metric& metric = work.add(fmt::format("bleu{}", order), bleu(sum, order),
                              fmt::format("corpus BLEU-{} on 13a tokens, case kept, not smoothed, reference "
                                          "length = the shortest reference's (evaluate 0.4.0, bleu)",
                                          order));
    metric.counts = counts;
    metric.corpus_score = bleu;
    metric.order = order;
    metric.published = true;
  }
}

void add_meteor(EvaluationWork& work) {
  const WordNet* wordnet = work.parts.wordnet;
  if (wordnet == nullptr) {
    work.leave_out("meteor_1.0",
                   work.parts.wordnet_reason.empty() ? "needs WordNet" : work.parts.wordnet_reason);
    return;
  }
  if (const auto note = wordnet->note()) work.result.notes.push_back(*note);
  MeteorOptions options;
  options.abbreviations = work.parts.abbreviations;
  const Meteor meteor(*wordnet, options);
  std::string definition = fmt::format(
      "mean of NLTK 3.8.1's METEOR (alpha 0.9, beta 3, gamma 0.5), WordNet {}, untrained Punkt; not the "
      "Java METEOR 1.5",
      wordnet->version().empty() ? "of unknown version" : wordnet->version());
  if (work.parts.abbreviations.size() > 0)
    definition += fmt::format(" with {} abbreviations", work.parts.abbreviations.size());
  work.add_mean("meteor_1.0", work.each([&](const ClipCaptions& clip) { return meteor.score(clip); }),
                std::move(definition))
      .published = true;
}

void add_rouge(EvaluationWork& work) {
  Metric& metric = work.add_mean("rougeL", work.each([](const ClipCaptions& clip) { return rouge_l(clip); }),
                                 "mean of ROUGE-L F1 (rouge_score 0.1.2, no stemmer); the published values "
                                 "are the middle of an unseeded "
                                 "bootstrap of it and lie within 3e-4");
  metric.published = true;
  const std::int64_t seed = work.result.options.rouge_bootstrap;
  if (seed < 0) return;
  const std::vector<double> values = metric.per_clip;  // adding metrics moves `metric`
  const BootstrapInterval interval = bootstrap_mean(values, static_cast<std::uint32_t>(seed));
  const auto add = [&](const char* name, double value, const char* which) {
    work.add(
        name, value,
        fmt::format("{} percentile of 1000 bootstrap means of rougeL, numpy RandomState({})", which, seed));
  };
  add("rougeL_low", interval.low, "2.5th");
  add("rougeL_mid", interval.mid, "50th");
  add("rougeL_high", interval.high, "97.5th");
}

void add_bert_score(EvaluationWork& work) {
  const auto& part = work.parts.bert_score;
  if (!part.part) {
    work.leave_out("bertscore", part.reason.empty() ? "needs a RoBERTa model" : part.reason);
    return;
  }
  const std::vector<BertScoreValue> values = (*part.part)(work.clips);
  LPMC_REQUIRE(values.size() == work.clips.size(), invalid_argument,
               "bertscore: expected a value for each of {} clips, found {}", work.clips.size(),
               values.size());
  const auto column = [&](double BertScoreValue::*field) {
    std::vector<double> list;
    for (const BertScoreValue& value : values)
      list.push_back(value.*field);
    return list;
  };
  const std::string& what = work.parts.bert_score_definition;
  work.add_mean("bertscore", column(&BertScoreValue::f1), "mean F1: " + what).published = true;
  work.add_mean("bertscore_precision", column(&BertScoreValue::precision), "mean precision: " + what);
  work.add_mean("bertscore_recall", column(&BertScoreValue::recall), "mean recall: " + what);
}

void add_vocabulary(EvaluationWork& work) {
  const auto& train = work.parts.train_captions;
  const VocabularyStatistics all =
      vocabulary_all(work.clips, train.part ? *train.part : std::vector<std::string>());
  const bool compat = work.result.options.lpmc_compat;
  const auto count = [&](const char* name, std::int64_t value, std::string definition) -> Metric& {
    Metric& metric = work.add(name, static_cast<double>(value), std::move(definition));
    metric.whole = true;
    return metric;
  };
  const std::string words = "different words (lower case, \",\" and \".\" deleted, split at white space) of ";
  if (!train.part) {
    const std::string reason = train.reason.empty() ? "needs the training captions" : train.reason;
    for (const char* name : {"vocab_size", "vocab_novelty", "caption_novelty", "vocab_novelty_all"})
      work.leave_out(name, reason);
    count("vocab_size_all", all.size, words + "all predictions");
    return;
  }
  const VocabularyStatistics chosen = compat ? vocabulary_published(work.clips, *train.part) : all;
  const std::string of =
      fmt::format("the first {} predictions{}", chosen.predictions,
                  compat ? ", cut to the number of training captions as in the original" : " (all)");
  count("vocab_size", chosen.size, words + of).published = true;
  work.add("vocab_novelty", chosen.novelty(),
           fmt::format("share of vocab_size's words that none of the first {} training captions has",
                       chosen.train_captions))
      .published = true;
  work.add("caption_novelty", caption_novelty(work.clips, *train.part),
           "share of the different predictions that equal no training caption, byte for byte")
      .published = true;
  count("vocab_size_all", all.size, words + "all predictions");
  work.add("vocab_novelty_all", all.novelty(),
           fmt::format("share of vocab_size_all's words that none of all {} training captions has",
                       all.train_captions));
}

void add_lengths(EvaluationWork& work) {
  work.add_mean("length_avg", work.each([](const ClipCaptions& clip) {
        return static_cast<double>(caption_length(clip.prediction));
      }),
                "mean number of pieces between white space of a prediction")
      .published = true;
  work.add("length_std", caption_lengths(work.clips).standard_deviation,
           "population standard deviation of these numbers")
      .published = true;
}

}  // namespace

void add_published_metrics(EvaluationWork& work) {
  add_bleu(work);
  add_meteor(work);
  add_rouge(work);
  add_bert_score(work);
  add_vocabulary(work);
  add_lengths(work);
}

}  // namespace lpmc::detail
