#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "lpmc/evaluation/bertscore.h"

namespace lpmc::cli {

/// BERTScore's options. Defaults are those of bert_score 0.3.13 for English.
struct BertScoreOptions {
  std::string bertscore_model = "roberta-large";
  int bertscore_layer = 0;
  std::string bertscore_dtype = "f32";
  bool bertscore_idf = false;
  std::string bertscore_baseline;
};

template <class Field>
void visit(BertScoreOptions& o, Field&& field) {
  field("bertscore-model", o.bertscore_model,
        "a RoBERTa folder, or a name (`lpmc model pull roberta-large`)");
  field("bertscore-layer", o.bertscore_layer,
        "layer whose output is compared; 0 = 17 for roberta-large, 10 for roberta-base, else the last");
  field("bertscore-dtype", o.bertscore_dtype, "arithmetic: f32, bf16 or int8");
  field("bertscore-idf", o.bertscore_idf, "weigh tokens by how few of the references have them");
  field("bertscore-baseline", o.bertscore_baseline,
        "bert_score's CSV of baselines (LAYER,P,R,F): rescale with its line for the layer");
}

/// A RoBERTa, ready to score captions.
class BertScorer {
 public:
  /// @throws Error(not_found) when there is no such model (then the number is left out), Error(corrupt,
  /// unsupported, invalid_argument) naming what is wrong with it or with an option
  explicit BertScorer(const BertScoreOptions& options);
  ~BertScorer();
  BertScorer(BertScorer&&) noexcept;
  BertScorer& operator=(BertScorer&&) noexcept;

  /// What was computed, for results.json: "bert_score 0.3.13, roberta-large, layer 17, no idf, ...".
  std::string definition() const;

  /// One value a clip. Equal texts are encoded once where they stand close in the order of predictions; the
  /// values depend neither on the order of clips nor on the number of threads.
  /// @param on_progress called with the number of clips done; may be empty
  std::vector<BertScoreValue> score(std::span<const ClipCaptions> clips,
                                    const std::function<void(std::size_t done)>& on_progress = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc::cli
