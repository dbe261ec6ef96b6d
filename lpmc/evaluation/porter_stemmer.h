#pragma once

#include <string>
#include <string_view>

namespace lpmc {

/// Stem of a lower-case word by Porter's algorithm with NLTK's extensions, which is neither the paper's nor
/// Martin Porter's own version. Every character that is no vowel of English counts as a consonant.
/// Source: nltk 3.8.1, PorterStemmer() in its default mode.
std::string porter_stem(std::string_view word);

}  // namespace lpmc
