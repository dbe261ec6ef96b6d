#pragma once

#include <cstdint>
#include <utility>

namespace lpmc {

/// How captions are searched. Names and meanings are transformers' generate()'s; defaults are
/// LP-MusicCaps'.
struct GenerationOptions {
  int num_beams = 5;            ///< hypotheses kept; 1 = greedy (or plain sampling)
  int max_length = 128;         ///< tokens of the output row, start token and end token included
  int min_length = 2;           ///< no end token before this length
  double length_penalty = 1.0;  ///< score = sum of log-probabilities / length^length_penalty
  bool early_stopping = true;   ///< stop as soon as num_beams hypotheses are complete
  int no_repeat_ngram = 3;      ///< n-grams of this size occur once; 0 = off
  double repetition_penalty = 1.0;
  bool sample = false;
  double top_p = 1.0;
  int top_k = 50;  ///< 0 = off
  double temperature = 1.0;
  int n_best = 1;  ///< hypotheses returned: at most num_beams; when sampling, independent draws
  std::int64_t seed = 0;
};

template <class Field>
void visit(GenerationOptions& o, Field&& field) {
  field("num-beams", o.num_beams, "beams of the search; 1 = greedy");
  field("max-length", o.max_length, "tokens of a caption at most, start and end included");
  field("min-length", o.min_length, "tokens of a caption at least");
  field("length-penalty", o.length_penalty, "exponent of the length a score is divided by");
  field("early-stopping", o.early_stopping, "stop when num-beams captions are complete");
  field("no-repeat-ngram", o.no_repeat_ngram, "n-grams of this size occur once; 0 = off");
  field("repetition-penalty", o.repetition_penalty, "over 1: tokens already there become less likely");
  field("sample", o.sample, "draw tokens at random instead of searching for the best");
  field("top-p", o.top_p, "sampling: keep the likeliest tokens that together reach this probability");
  field("top-k", o.top_k, "sampling: keep this many likeliest tokens; 0 = all");
  field("temperature", o.temperature, "sampling: under 1 sharper, over 1 flatter");
  field("n-best", o.n_best, "captions returned for each segment, best first");
  field("seed", o.seed, "seed of sampling");
}

/// The vocabulary's special ids. -1 = none.
struct SpecialTokens {
  std::int32_t bos = 0;
  std::int32_t pad = 1;
  std::int32_t eos = 2;
  std::int32_t decoder_start = 2;
  std::int32_t forced_bos = 0;
  std::int32_t forced_eos = 2;
};

}  // namespace lpmc
