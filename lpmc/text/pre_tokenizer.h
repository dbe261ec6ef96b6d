#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace lpmc {

/// Cuts text into the words that byte-pair encoding works on: contractions ('s, 't, ...), then runs
/// of letters, of numbers, or of other characters, each with one space before it, then white space.
/// No character is lost: the words joined are the text.
///
/// Equal to GPT-2's and BART's pattern in Python's `regex` module. White space is that module's \s
/// (U+180E and U+001C to U+001F are none). Letters and numbers are the general categories L and N of
/// Unicode 18, whatever older version the PCRE2 library knows.
/// Immutable, used by any number of threads; copies share the compiled pattern.
class PreTokenizer {
 public:
  PreTokenizer();

  /// Appends the words of `text` to `words`, as views into it.
  /// @pre text is well-formed UTF-8 (see lpmc/base/utf8.h)
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  struct Pattern;
  std::shared_ptr<const Pattern> pattern_;
};

}  // namespace lpmc
