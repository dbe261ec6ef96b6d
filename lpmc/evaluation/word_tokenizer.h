#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/sentence_splitter.h"

namespace lpmc {

/// NLTK's word_tokenize: sentences by split_sentences, each cut into words, punctuation, clitics ("n't",
/// "'s") and quotes (opening ones written ``). Case is kept.
/// Source: nltk 3.8.1, NLTKWordTokenizer. Kept on purpose: only a sentence's last period stands alone.
std::vector<std::string> tokenize_nltk(std::string_view text, const Abbreviations& abbreviations = {});

/// tokenize_nltk in lower case without punctuation tokens. A stand-in, not an equal, for the tokens of
/// Stanford's PTBTokenizer that the coco metrics are defined on.
std::vector<std::string> tokenize_light(std::string_view text, const Abbreviations& abbreviations = {});

}  // namespace lpmc
