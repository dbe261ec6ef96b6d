// Numbers that papers print besides the original's.

#include <string>
#include <utility>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bleu_tokenizer.h"
#include "lpmc/evaluation/coco_metrics.h"
#include "lpmc/evaluation/diversity.h"
#include "lpmc/evaluation/evaluation.h"
#include "lpmc/evaluation/playntell.h"
#include "lpmc/evaluation/resampling.h"
#include "lpmc/evaluation/rouge_l.h"
#include "lpmc/evaluation/unicode_text.h"
#include "lpmc/evaluation/word_tokenizer.h"

namespace lpmc::detail {
namespace {

using Texts = std::vector<std::vector<std::string>>;

double coco_bleu_percent(const BleuCounts& corpus, int order) {
  return 100 * coco_bleu(corpus, order);
}

/// Names and tokens of a set of coco metrics.
struct CocoNames {
  std::string prefix;
  std::string tokens;
  bool percent = false;  ///< playntell's tables are times 100
};

void add_coco(EvaluationWork& work, const TokenizeFn& tokenize, const CocoNames& names) {
  const std::vector<TokenizedClip> clips = tokenize_clips(work.clips, tokenize);
  const auto counts = std::make_shared<std::vector<BleuCounts>>();
  std::vector<double> rouge;
  BleuCounts sum;
  const double scale = names.percent ? 100 : 1;
  for (const TokenizedClip& clip : clips) {
    counts->push_back(coco_bleu_counts(clip));
    sum += counts->back();
    rouge.push_back(scale * coco_rouge_l(clip));
  }
  const std::string on = fmt::format(" on {}{}", names.tokens, names.percent ? ", times 100" : "");
  const auto score = names.percent ? coco_bleu_percent : coco_bleu;
  for (int order = 1; order <= kBleuOrders; ++order) {
    Metric& metric =
        work.add(fmt::format("{}_bleu{}", names.prefix, order), score(sum, order),
                 fmt::format("BLEU-{} of coco caption (closest reference length, smoothed by constants){}",
                             order, on));
    metric.counts = counts;
    metric.corpus_score = score;
    metric.order = order;
  }
  work.add_mean(names.prefix + "_rouge_l", std::move(rouge), "mean ROUGE-L of coco caption (beta 1.2)" + on);
  const std::string cider = names.prefix + "_cider_d";
  if (work.clips.size() < 2) {
    work.leave_out(cider, "needs at least two clips");
    return;
  }
  std::vector<double> values = cider_d(clips);
  for (double& value : values)
    value *= scale;
  work.add_mean(cider, std::move(values),
                "mean CIDEr-D (sigma 6, document frequencies of this file's references)" + on);
}

void add_distinct(EvaluationWork& work) {
  Texts texts;
  for (const ClipCaptions& clip : work.clips)
    texts.push_back(tokenize_rouge(clip.prediction));
  for (int n = 1; n <= 3; ++n) {
    work.add(
        fmt::format("distinct{}", n), distinct_n(texts, n),
        fmt::format("different {}-grams / all {}-grams of the predictions together, on rouge_score tokens", n,
                    n));
  }
}

void add_self_bleu(EvaluationWork& work) {
  if (work.clips.size() < 2) {
    for (const char* name : {"self_bleu2", "self_bleu4"})
      work.leave_out(name, "needs at least two clips");
    return;
  }
  const EvaluationOptions& options = work.result.options;
  Texts texts;
  for (const std::size_t index :
       sample_indices(work.clips.size(), static_cast<std::size_t>(options.self_bleu_sample), options.seed)) {
    texts.push_back(tokenize_13a(work.clips[index].prediction));
  }
  const std::string of =
      texts.size() == work.clips.size()
          ? fmt::format("all {} predictions", texts.size())
          : fmt::format("{} of {} predictions (seed {})", texts.size(), work.clips.size(), options.seed);
  for (const int order : {2, 4}) {
    work.add(fmt::format("self_bleu{}", order), ordered_mean(self_bleu(texts, order)),
             fmt::format("mean BLEU-{} (not smoothed, 13a tokens) of a prediction against the others, of {}",
                         order, of));
  }
}

void add_playntell(EvaluationWork& work) {
  const auto by_white_space = [](std::string_view text) {
    const std::vector<std::string_view> pieces = split_white_space(text);
    return std::vector<std::string>(pieces.begin(), pieces.end());
  };
  add_coco(work, by_white_space,
           {"playntell", "pieces between white space of the texts as they are (playntell's protocol)", true});
  const auto& train = work.parts.train_captions;
  const PlayntellDiversity diversity =
      playntell_diversity(work.clips, train.part ? *train.part : std::vector<std::string>());
  if (train.part) {
    work.add("playntell_perc_novel", diversity.perc_novel,
             "100 x share of all predictions that equal no training caption");
  } else {
    work.leave_out("playntell_perc_novel",
                   train.reason.empty() ? "needs the training captions" : train.reason);
  }
  work.add("playntell_vocab", static_cast<double>(diversity.vocabulary),
           "different pieces of the predictions between single spaces")
      .whole = true;
  work.leave_out("playntell_meteor", "METEOR 1.5 is a Java program with paraphrase tables");
  const Metric* recall = work.result.find("bertscore_recall");
  if (recall == nullptr || !work.parts.bert_score_idf) {
    work.leave_out("playntell_bertscore", "needs BERTScore with idf over the references");
    return;
  }
  std::vector<double> values = recall->per_clip;
  for (double& value : values)
    value *= 100;
  work.add_mean("playntell_bertscore", std::move(values), "100 x bertscore_recall, with idf");
}

void add_tag_scores(EvaluationWork& work) {
  const auto& part = work.parts.tag_scores;
  if (!part.part) {
    const std::string reason = part.reason.empty() ? "needs the clips' tags" : part.reason;
    work.leave_out("tag_coverage", reason);
    work.leave_out("tag_contradiction", reason);
    return;
  }
  const std::vector<TagScore> scores = (*part.part)(work.clips);
  LPMC_REQUIRE(scores.size() == work.clips.size(), invalid_argument,
               "tags: expected a score for each of {} clips, found {}", work.clips.size(), scores.size());
  std::vector<double> coverage, contradiction;
  for (const TagScore& score : scores) {
    coverage.push_back(score.coverage);
    contradiction.push_back(score.contradiction ? 1 : 0);
  }
  work.add_mean("tag_coverage", std::move(coverage),
                "mean share of a clip's tags that its caption expresses (word lists, no language model)");
  work.add_mean("tag_contradiction", std::move(contradiction),
                "share of captions that contradict a tag of their clip (word lists, no language model)");
}

}  // namespace

void add_more_metrics(EvaluationWork& work) {
  const Abbreviations& abbreviations = work.parts.abbreviations;
  add_coco(
      work, [&](std::string_view text) { return tokenize_light(text, abbreviations); },
      {"coco", "light tokens (NLTK words in lower case without punctuation; not Stanford's PTB tokens)"});
  add_distinct(work);
  add_self_bleu(work);
  add_playntell(work);
  add_tag_scores(work);
}

}  // namespace lpmc::detail
