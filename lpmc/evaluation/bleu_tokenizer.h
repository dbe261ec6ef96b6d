#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// The tokenizer "13a" of mteval and sacreBLEU: punctuation and symbols apart, case kept, no word apart at
/// an apostrophe or hyphen.
/// Source: `evaluate` 0.4.0's bleu, tokenizer_13a.
std::vector<std::string> tokenize_13a(std::string_view text);

}  // namespace lpmc
