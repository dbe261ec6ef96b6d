#include "lpmc/tag_to_caption/validation_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "lpmc/tag_to_caption/music_vocabulary.h"
#include "lpmc/tag_to_caption/validation_negation.h"

namespace lpmc {
namespace {

constexpr int kSentenceGap = 6;  // words of different sentences are that much farther apart

using WordSet = std::unordered_set<std::string_view>;

const WordSet& function_words() {
  static const WordSet words = {
      "a",      "an",      "the",      "of",    "in",    "on",   "at",    "by",    "to",    "for",   "from",
      "with",   "and",     "or",       "nor",   "but",   "as",   "is",    "are",   "was",   "were",  "be",
      "been",   "being",   "has",      "have",  "had",   "it",   "its",   "this",  "that",  "these", "those",
      "there",  "their",   "they",     "which", "who",   "what", "while", "when",  "where", "into",  "onto",
      "over",   "under",   "up",       "very",  "quite", "some", "any",   "s",     "t",     "so",    "such",
      "like",   "as",      "than",     "then",  "also",  "more", "most",  "not",   "no",    "non",   "too",
      "rather", "without", "slightly", "bit",   "kind",  "sort", "can",   "could", "may",   "might", "will",
      "would",  "do",      "does",     "did",   "we",    "you",  "i"};
  return words;
}

/// Words that say little beside another one: "pop music", "piano sounds", "happy mood", "live performance".
const WordSet& weak_words() {
  static const WordSet words = {"music",         "musical",      "song",        "track",
                                "tune",          "piece",        "sound",       "sounding",
                                "style",         "feel",         "feeling",     "vibe",
                                "mood",          "genre",        "type",        "instrument",
                                "audio",         "recording",    "performance", "play",
                                "element",       "influence",    "line",        "part",
                                "section",       "hit",          "sample",      "arrangement",
                                "atmosphere",    "articulation", "based",       "instrumentation",
                                "composition",   "tone",         "range",       "playing",
                                "theme",         "effect",       "note",        "vibes",
                                "inspired",      "influenced",   "tempo",       "other",
                                "texture",       "quality",      "pattern",     "noise",
                                "accompaniment", "number"};
  return words;
}

struct Accent {
  std::string_view letters;
  char plain;
};
constexpr std::array<Accent, 8> kAccents = {{{"àáâãäåÀÁÂÃÄÅ", 'a'},
                                             {"èéêëÈÉÊË", 'e'},
                                             {"ìíîïÌÍÎÏ", 'i'},
                                             {"òóôõöøÒÓÔÕÖØ", 'o'},
                                             {"ùúûüÙÚÛÜ", 'u'},
                                             {"ñÑ", 'n'},
                                             {"çÇ", 'c'},
                                             {"ýÿÝ", 'y'}}};

char fold_accent(std::string_view two_bytes) {
  for (const Accent& accent : kAccents) {
    const std::size_t at = accent.letters.find(two_bytes);
    if (at != std::string_view::npos && at % 2 == 0) return accent.plain;
  }
  return 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// A word as cut out, and what follows it.
struct Piece {
  std::string text;
  bool ends_clause = false, ends_sentence = false;
};

/// Lower case, accents folded, typographic apostrophes and dashes made plain.
std::string fold(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      folded += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : text[i];
    } else if (byte == 0xC3 && i + 1 < text.size()) {
      const char plain = fold_accent(text.substr(i, 2));
      if (plain != 0) {
        folded += plain;
      } else {
        folded += text.substr(i, 2);
      }
      ++i;
    } else if (byte == 0xE2 && i + 2 < text.size() && text[i + 1] == '\x80') {
      const char third = text[i + 2];
      folded += third == '\x98' || third == '\x99' ? '\'' : third == '\x90' || third == '\x91' ? '-' : ',';
      i += 2;
    } else {
      folded += text[i];
    }
  }
  return folded;
}

/// Whether the character at `i` stays inside a word: apostrophes and "&" between letters, a point between
/// digits.
bool joins(std::string_view text, std::size_t i) {
  if (i == 0 || i + 1 >= text.size()) return false;
  const char before = text[i - 1], after = text[i + 1];
  if (text[i] == '\'' || text[i] == '&') return is_letter(before) && is_letter(after);
  return (text[i] == '.' || text[i] == '/') && is_digit(before) && is_digit(after);
}

std::vector<Piece> cut(std::string_view folded) {
  std::vector<Piece> pieces;
  pieces.reserve(folded.size() / 5);
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) pieces.push_back({std::move(word)});
    word.clear();
  };
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const char c = folded[i];
    if (is_letter(c) || is_digit(c) || joins(folded, i)) {
      // "120bpm" is two words, "80s" one.
      if (is_letter(c) && !word.empty() && is_digit(word.back()) && folded.substr(i).starts_with("bpm"))
        end_word();
      word += c;
      continue;
    }
    end_word();
    if (pieces.empty()) continue;
    const bool sentence = c == '.' || c == '!' || c == '?' || c == '\n';
    pieces.back().ends_sentence |= sentence;
    pieces.back().ends_clause |=
        sentence || (c != ' ' && c != '-' && c != '\'' && c != '/' && c != '"' && c != '&');
  }
  end_word();
  return pieces;
}

struct Compound {
  std::string_view first, second, joined;
};
constexpr std::array<Compound, 38> kCompounds = {{
    {"up", "tempo", "uptempo"},
    {"down", "tempo", "downtempo"},
    {"mid", "tempo", "midtempo"},
    {"hip", "hop", "hiphop"},
    {"lo", "fi", "lofi"},
    {"hi", "fi", "hifi"},
    {"hi", "hat", "hihat"},
    {"hi", "hats", "hihats"},
    {"high", "hat", "hihat"},
    {"high", "hats", "hihats"},
    {"a", "cappella", "acappella"},
    {"a", "capella", "acappella"},
    {"no", "other", "noother"},
    {"sci", "fi", "scifi"},
    {"laid", "back", "laidback"},
    {"easy", "going", "easygoing"},
    {"auto", "tune", "autotune"},
    {"auto", "tuned", "autotune"},
    {"back", "up", "backup"},
    {"up", "beat", "upbeat"},
    {"feel", "good", "feelgood"},
    {"key", "boards", "keyboards"},
    {"sing", "along", "singalong"},
    {"r", "b", "rnb"},
    {"e", "guitar", "eguitar"},
    {"e", "guitars", "eguitars"},
    {"e", "bass", "ebass"},
    {"e", "piano", "epiano"},
    {"beat", "box", "beatbox"},
    {"beat", "boxing", "beatboxing"},
    {"off", "beat", "offbeat"},
    {"middle", "eastern", "middleeastern"},
    {"middle", "east", "middleeastern"},
    {"far", "eastern", "fareastern"},
    {"singing", "bowl", "singingbowl"},
    {"bass", "guitar", "bassguitar"},
    {"bass", "guitars", "bassguitar"},
    {"singing", "bowls", "singingbowl"},
}};

/// "hip hop" and "hip-hop" become one word; "e-guitar" becomes "electric guitar".
std::vector<Piece> join_compounds(std::vector<Piece> pieces) {
  std::vector<Piece> joined;
  joined.reserve(pieces.size() + 2);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Piece& piece = pieces[i];
    if (piece.text == "r&b" || piece.text == "r'n'b" || piece.text == "rhythm'n'blues") piece.text = "rnb";
    const Compound* compound = nullptr;
    if (i + 1 < pieces.size() && !piece.ends_clause && piece.text.size() <= 7) {
      for (const Compound& c : kCompounds) {
        if (c.first[0] == piece.text[0] && c.first == piece.text && c.second == pieces[i + 1].text)
          compound = &c;
      }
    }
    if (compound == nullptr) {
      joined.push_back(std::move(piece));
    } else if (compound->first == "e") {
      joined.push_back({"electric"});
      joined.push_back(std::move(pieces[++i]));
    } else {
      joined.push_back(
          {std::string(compound->joined), pieces[i + 1].ends_clause, pieces[i + 1].ends_sentence});
      ++i;
    }
  }
  return joined;
}

/// Equal but for a slip of the pen: one letter left out, doubled, swapped with its neighbour; in words of
/// eight and more also another letter. Data sets hold "acordion", "viloin" and "keybiard".
bool nearly_equal(std::string_view a, std::string_view b) {
  if (a.size() < b.size()) std::swap(a, b);
  if (b.size() < 6 || a.size() > b.size() + 1 || a[0] != b[0]) return false;
  const std::size_t same =
      static_cast<std::size_t>(std::mismatch(b.begin(), b.end(), a.begin()).first - b.begin());
  if (a.size() > b.size()) return a.substr(same + 1) == b.substr(same);
  if (same + 1 >= b.size()) return false;
  if (a[same] == b[same + 1] && a[same + 1] == b[same]) return a.substr(same + 2) == b.substr(same + 2);
  return b.size() >= 8 && a.substr(same + 1) == b.substr(same + 1);
}

/// An adjective that says too little without what it is said of: "low quality", "medium tempo", "wide range".
bool is_vague(const Word& word) {
  static const WordSet words = {"wide", "lead", "background", "mid",       "hard",
                                "deep", "big",  "short",      "different", "flat"};
  return has(word.groups, Group::low) || has(word.groups, Group::high) || has(word.groups, Group::medium) ||
         words.contains(word.text);
}

bool share_lemma(const Word& a, const Word& b) {
  return std::any_of(a.lemmas.begin(), a.lemmas.end(), [&](const std::string& lemma) {
    return lemma == b.lemma || std::find(b.lemmas.begin(), b.lemmas.end(), lemma) != b.lemmas.end();
  });
}

/// Words of which a dictionary of all senses says too much: it holds "piano" and "soft", "mellow" and "high",
/// "pop" and "start", "fall" and "go" for synonyms. Of words that musicians have sets or lists for, these
/// alone decide; words that any sentence could have are evidence of nothing.
bool is_for_musicians(const Word& word) {
  static const WordSet everyday = {"go",  "get",  "give",  "have",  "make", "run",  "turn", "start",
                                   "see", "show", "break", "place", "work", "come", "fall"};
  static const WordSet terms = [] {
    WordSet set;
    for (std::string_view rest = common_music_terms(); !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.find_first_of(" -") == std::string_view::npos) set.insert(line);
    }
    return set;
  }();
  const auto listed = [&](const WordSet& set) { return set.contains(word.lemma) || set.contains(word.text); };
  return word.groups.any() || listed(weak_words()) || listed(everyday) || listed(terms);
}

bool are_synonyms(const Word& a, const Word& b, const WordKnowledge& knowledge) {
  if (!knowledge.are_synonyms || a.function || b.function) return false;
  if (is_for_musicians(a) || is_for_musicians(b)) return false;
  const std::span<const std::string> as = a.lemmas.empty() ? std::span(&a.lemma, 1) : std::span(a.lemmas);
  const std::span<const std::string> bs = b.lemmas.empty() ? std::span(&b.lemma, 1) : std::span(b.lemmas);
  for (const std::string& x : as) {
    for (const std::string& y : bs) {
      if (knowledge.are_synonyms(x, y)) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<Word> read_words(std::string_view text, const WordKnowledge& knowledge) {
  std::vector<Piece> pieces = join_compounds(cut(fold(text)));
  std::vector<Word> words;
  words.reserve(pieces.size());
  int position = 0, sentence = 0;
  for (Piece& piece : pieces) {
    Word word;
    word.text = std::move(piece.text);
    word.lemma = plain_lemma(word.text);
    word.stem = plain_stem(word.lemma);
    if (knowledge.lemmas) word.lemmas = knowledge.lemmas(word.text);
    const WordGroups& groups = groups_of(word.text, word.lemma);
    word.groups = groups.same;
    word.implied = groups.implied;
    word.position = position++;
    word.sentence = sentence;
    word.function = function_words().contains(word.text);
    word.ends_clause = piece.ends_clause;
    words.push_back(std::move(word));
    if (piece.ends_sentence) {
      position += kSentenceGap;
      ++sentence;
    }
  }
  mark_negations(words);
  mark_proposals(words);
  return words;
}

bool expresses(const Word& evidence, const Word& wanted, const WordKnowledge& knowledge) {
  if (evidence.stem == wanted.stem || evidence.text == wanted.text) return true;
  if ((wanted.groups & evidence.implied).any()) return true;
  if (!evidence.lemmas.empty() && share_lemma(evidence, wanted)) return true;
  return nearly_equal(evidence.lemma, wanted.lemma) || are_synonyms(evidence, wanted, knowledge);
}

std::vector<Word> content_words(std::span<const Word> tag) {
  std::vector<Word> strong, weak, all;
  for (const Word& word : tag) {
    if (word.function) continue;
    (weak_words().contains(word.lemma) || weak_words().contains(word.text) ? weak : strong).push_back(word);
    all.push_back(word);
  }
  if (strong.size() == 1 && !weak.empty() && is_vague(strong[0])) {
    // Of "low quality recording" the quality tells, of "wide range" all.
    std::vector<Word> telling = strong;
    std::copy_if(weak.begin(), weak.end(), std::back_inserter(telling), [](const Word& word) {
      return has(word.groups, Group::quality) || has(word.groups, Group::tempo);
    });
    return telling.size() > 1 ? telling : all;
  }
  if (!strong.empty()) return strong;
  return weak.empty() ? std::vector<Word>(tag.begin(), tag.end()) : weak;
}

}  // namespace lpmc
