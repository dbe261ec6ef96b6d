#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lpmc/cli/bertscore_scorer.h"
#include "lpmc/cli/common_options.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/evaluation/evaluation.h"
#include "lpmc/evaluation/results_json.h"

namespace lpmc::cli {

/// The command line of `lpmc evaluate`.
struct EvaluateFlags {
  CommonOptions common;
  std::vector<std::string> inputs;
  std::string against;
  // What the numbers need.
  std::string train_captions, train_split = "train", tags, wordnet, abbreviations;
  bool bertscore = true;
  BoundOptions<EvaluationOptions> evaluation;
  BoundOptions<BertScoreOptions> bertscore_options;
  // What comes out.
  std::string format = "text", output, html, clips, audio;
  // The listening test.
  bool ab_test = false, ab_link_audio = false;
  int ab_clips = 0;
  std::vector<std::string> ab_answers;
};

/// What the metrics need, found or read; what is not there is left out with its reason, but what the user
/// named must be there.
class EvaluateParts {
 public:
  /// @throws Error(not_found, corrupt, ...) of what the user named
  explicit EvaluateParts(EvaluateFlags& flags);

  const EvaluationParts& parts() const { return parts_; }
  /// File names and versions for results.json.
  const RunFacts& facts() const { return facts_; }

 private:
  void read_train_captions(const EvaluateFlags& flags);
  void open_wordnet(const EvaluateFlags& flags);
  void open_bertscore(EvaluateFlags& flags);

  EvaluationParts parts_;
  RunFacts facts_;
  std::optional<WordNet> wordnet_;
  std::shared_ptr<const BertScorer> scorer_;
};

/// Tag coverage and contradiction by the records of a file; needs the folder tag_to_caption.
/// @throws Error(unsupported) in a program built without it, Error(not_found, corrupt) of the file
void add_tag_scores(EvaluationParts& parts, const std::string& file);

}  // namespace lpmc::cli
