#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"
#include "lpmc/evaluation/sentence_splitter.h"
#include "lpmc/evaluation/wordnet.h"

namespace lpmc {

class MeteorWords;

struct MeteorOptions {
  double alpha = 0.9;
  double beta = 3;
  double gamma = 0.5;
  Abbreviations abbreviations;
};

template <class Field>
void visit(MeteorOptions& o, Field&& field) {
  field("meteor-alpha", o.alpha, "METEOR: weight of precision against recall in the mean, 0 to 1");
  field("meteor-beta", o.beta, "METEOR: exponent of the penalty for scattered matches");
  field("meteor-gamma", o.gamma, "METEOR: the largest penalty for scattered matches, 0 to 1");
}

/// @throws Error(invalid_argument) naming the first option that makes no sense
void validate(const MeteorOptions& options);

/// Which words of a prediction and a reference are the same.
struct MeteorAlignment {
  std::vector<std::pair<int, int>> matches;  ///< token of the prediction, of the reference; by the first
  int exact = 0;                             ///< of the matches: the same word,
  int stem = 0;                              ///< the same stem,
  int synonym = 0;                           ///< a synonym
  int chunks = 0;                            ///< runs of matches that are neighbours on both sides
};

/// METEOR as NLTK has it ("meteor_1.0"), not the Java program METEOR 1.5: its tokens, its greedy alignment
/// from the right, synonyms looked up for stems. Usable from many threads at once; keeps what it learnt of
/// every word.
/// Source: nltk 3.8.1, single_meteor_score(word_tokenize(reference), word_tokenize(prediction)).
class Meteor {
 public:
  /// @param wordnet must outlive this
  /// @throws Error(invalid_argument) as validate()
  explicit Meteor(const WordNet& wordnet, MeteorOptions options = {});
  ~Meteor();
  Meteor(Meteor&&) noexcept;
  Meteor& operator=(Meteor&&) noexcept;

  /// The best score over the references, in [0, 1]; 0 where a side is empty.
  /// @throws Error(invalid_argument) when the clip has no reference, Error(corrupt) of WordNet's files
  double score(const ClipCaptions& clip) const;

  /// @param prediction, reference tokens of tokenize_nltk, in any case
  MeteorAlignment align(std::span<const std::string> prediction,
                        std::span<const std::string> reference) const;

 private:
  double score_tokens(std::span<const std::string> prediction, std::span<const std::string> reference) const;

  MeteorOptions options_;
  std::unique_ptr<MeteorWords> words_;
};

}  // namespace lpmc
