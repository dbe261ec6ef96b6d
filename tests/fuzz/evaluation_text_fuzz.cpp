// Two texts with a 0xFF byte between: a prediction and a reference. The metrics take any bytes: nothing may
// throw, tokens are valid UTF-8, scores lie in [0, 1], and the longest common subsequence is that of the
// plain dynamic programme.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/bleu.h"
#include "lpmc/evaluation/bleu_tokenizer.h"
#include "lpmc/evaluation/caption_statistics.h"
#include "lpmc/evaluation/porter_stemmer.h"
#include "lpmc/evaluation/rouge_l.h"
#include "lpmc/evaluation/word_tokenizer.h"

namespace {

using Tokens = std::vector<std::string>;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_tokens(const Tokens& tokens) {
  for (const std::string& token : tokens)
    check(!token.empty() && lpmc::is_valid_utf8(token));
}

std::size_t plain_subsequence(const Tokens& a, const Tokens& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(static_cast<const char*>(static_cast<const void*>(data)), size);
  const std::size_t mark = std::min(input.find('\xFF'), input.size());
  const std::string prediction(input.substr(0, mark));
  const std::string reference(input.substr(std::min(mark + 1, input.size())));

  static const lpmc::Abbreviations abbreviations({"dr", "p.m", "vs", "st"});
  const Tokens words = lpmc::tokenize_nltk(prediction);
  check_tokens(words);
  check_tokens(lpmc::tokenize_nltk(prediction, abbreviations));
  check_tokens(lpmc::tokenize_light(prediction, abbreviations));
  check_tokens(lpmc::tokenize_13a(prediction));
  check_tokens(lpmc::vocabulary_words(prediction));
  for (const std::string& word : words)
    check(lpmc::is_valid_utf8(lpmc::porter_stem(word)));

  const Tokens a = lpmc::tokenize_rouge(prediction), b = lpmc::tokenize_rouge(reference);
  if (a.size() < 2000 && b.size() < 2000) {
    check(lpmc::longest_common_subsequence(a, b) == plain_subsequence(a, b));
  }
  const lpmc::ClipCaptions clip{"", prediction, {reference, prediction}, ""};
  const lpmc::BleuCounts counts = lpmc::bleu_counts(clip);
  check(counts.matches == counts.totals);  // the prediction is a reference, too
  const double score = lpmc::bleu(lpmc::bleu_counts({"", prediction, {reference}, ""}), 2);
  check(score >= 0 && score <= 1 + 1e-12);
  return 0;
}
