#include "lpmc/tag_to_caption/validation_negation.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace lpmc {
namespace {

using WordSet = std::unordered_set<std::string_view>;

constexpr std::size_t kLongestScope = 8;    // words after the cue
constexpr std::size_t kLookAheadForOr = 6;  // "no drums, bass, or vocals"

bool is_cue(const Word& word) {
  static const WordSet cues = {"no",      "without", "not",     "nor",     "neither", "never",
                               "lack",    "lacks",   "lacking", "absence", "devoid",  "minus",
                               "cannot",  "non",     "isnt",    "doesnt",  "dont",    "isn't",
                               "doesn't", "don't",   "aren't",  "hasn't",  "wasn't",  "sans"};
  return cues.contains(word.text);
}

/// The word after a cue that shows that nothing is negated: "not only", "no doubt", "without losing".
bool annuls(const Word& next) {
  static const WordSet words = {
      "only",   "just",    "merely",  "solely",       "simply", "to",          "too",      "so",
      "doubt",  "wonder",  "matter",  "less",         "longer", "losing",      "being",    "quite",
      "a",      "very",    "overly",  "particularly", "always", "necessarily", "entirely", "sure",
      "unlike", "exactly", "limited", "further",      "stop",   "overpowering"};
  return words.contains(next.text);
}

/// Words that end what a cue speaks of.
bool ends_scope(const Word& word) {
  static const WordSet words = {
      "but",         "however", "except",  "only",     "just",    "yet",   "although",  "though",
      "while",       "whereas", "apart",   "besides",  "with",    "over",  "featuring", "features",
      "accompanied", "backed",  "in",      "at",       "as",      "that",  "which",     "who",
      "where",       "because", "so",      "making",   "instead", "then",  "until",     "giving",
      "throughout",  "by",      "leaving", "creating", "before",  "after", "to",        "on"};
  return words.contains(word.text);
}

bool is_verb(const Word& word) {
  static const WordSet verbs = {"is", "are",  "was",   "were", "has", "have", "plays", "sings",
                                "it", "this", "there", "the",  "he",  "she",  "they"};
  return verbs.contains(word.text);
}

bool list_goes_on(std::span<const Word> words, std::size_t after) {
  for (std::size_t i = after; i < words.size() && i < after + kLookAheadForOr; ++i) {
    if (words[i].sentence != words[after].sentence) return false;
    if (words[i].text == "or" || words[i].text == "nor") return true;
    if (ends_scope(words[i]) || is_verb(words[i])) return false;
  }
  return false;
}

/// "without drums and vocals." goes on, "no vocals and a piano" and "no singer and guitars play" do not.
bool and_goes_on(std::span<const Word> words, std::size_t at) {
  return at + 1 < words.size() && !words[at + 1].function && words[at + 1].ends_clause;
}

/// Marks what the cue at `cue` speaks of.
void mark_scope(std::span<Word> words, std::size_t cue) {
  bool content = false;
  for (std::size_t i = cue + 1; i < words.size() && i <= cue + kLongestScope; ++i) {
    Word& word = words[i];
    if (word.sentence != words[cue].sentence || (ends_scope(word) && (content || word.text == "but"))) return;
    if (content && (is_verb(word) || is_cue(word))) return;
    if (content && word.text == "and" && !and_goes_on(words, i)) return;
    if (!word.function) {
      word.negated = true;
      content = true;
    }
    if (word.ends_clause && !(i + 1 < words.size() && list_goes_on(words, i + 1))) return;
  }
}

/// "vocals are absent", "drums are not present": marks the words before in the same clause.
void mark_subject(std::span<Word> words, std::size_t verb) {
  for (std::size_t i = verb, left = 3; i-- > 0 && left > 0;) {
    if (words[i].sentence != words[verb].sentence || words[i].ends_clause) return;
    if (words[i].function && words[i].text != "or" && words[i].text != "and") {
      if (left < 3) return;
      continue;
    }
    if (words[i].function) continue;
    words[i].negated = true;
    --left;
  }
}

bool is_absent(std::span<const Word> words, std::size_t at) {
  static const WordSet present = {"present", "used", "heard", "audible", "featured", "included"};
  const std::string_view text = words[at].text;
  if (text == "absent" || text == "missing") {
    return at > 0 &&
           (words[at - 1].text == "is" || words[at - 1].text == "are" || words[at - 1].text == "completely");
  }
  return present.contains(text) && at > 1 && words[at - 1].text == "not" &&
         (words[at - 2].text == "is" || words[at - 2].text == "are");
}

}  // namespace

void mark_proposals(std::span<Word> words) {
  static const WordSet modals = {"could",   "may",      "might", "would",  "should",
                                 "perfect", "suitable", "ideal", "imagine"};
  for (std::size_t begin = 0; begin < words.size();) {
    std::size_t end = begin;
    bool proposal = false;
    for (; end < words.size() && words[end].sentence == words[begin].sentence; ++end) {
      // "can be used", but "can be heard" states.
      const bool use = words[end].text == "can" && end + 2 < words.size() && words[end + 1].text == "be" &&
                       words[end + 2].text != "heard";
      proposal = proposal || use || modals.contains(words[end].text);
    }
    for (; begin < end; ++begin)
      words[begin].proposal = proposal;
  }
}

void mark_negations(std::span<Word> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_absent(words, i)) mark_subject(words, i);
    if (!is_cue(words[i]) || i + 1 == words.size() || annuls(words[i + 1]) || words[i].ends_clause) continue;
    if (words[i].text == "lack" && words[i + 1].text != "of")
      continue;  // "a lack of" and "lacks", not "lack" alone
    mark_scope(words, i);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_cue(words[i])) words[i].function = true;
  }
}

}  // namespace lpmc
