#include "lpmc/tag_to_caption/music_vocabulary.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace lpmc {
namespace {

/// Tags of real lists that mean nothing musical when a sentence holds them as a single word.
bool is_everyday_word(const Word& word) {
  static const std::unordered_set<std::string_view> words = {
      "light",      "space",   "old",      "different",   "water",        "wind",          "low",
      "deep",       "time",    "free",     "easy",        "cool",         "hot",           "cold",
      "nature",     "magic",   "modern",   "other",       "new",          "good",          "great",
      "high",       "hard",    "air",      "story",       "life",         "home",          "video",
      "play",       "playing", "simple",   "morning",     "night",        "day",           "black",
      "white",      "lead",    "hit",      "wide",        "flat",         "open",          "strong",
      "steady",     "rich",    "full",     "clear",       "sharp",        "clean",         "unique",
      "complex",    "style",   "mix",      "mixed",       "building",     "rise",          "rising",
      "show",       "room",    "street",   "hand",        "effect",       "effects",       "beat",
      "beats",      "melody",  "rhythm",   "groove",      "tempo",        "harmony",       "sound",
      "sounds",     "music",   "song",     "songs",       "voice over",   "tune",          "track",
      "theme",      "note",    "notes",    "chord",       "chords",       "line",          "pattern",
      "lol",        "english", "world",    "party",       "heavy",        "chorus",        "short",
      "long",       "single",  "solo",     "interesting", "circular",     "hungry",        "concise",
      "freedom",    "element", "elements", "instrument",  "instruments",  "accompaniment", "melodic",
      "rhythmic",   "musical", "dance",    "positive",    "negative",     "energy",        "contrast",
      "background", "power",   "tension",  "intro",       "introduction", "performance",   "recording",
      "live",       "people",  "man",      "woman",       "girl",         "boy",           "men",
      "women",      "classic", "driving"};
  return word.function || words.contains(word.text) || words.contains(word.lemma) || word.text.size() < 2;
}

const WordKnowledge kPlain;

}  // namespace

MusicVocabulary::MusicVocabulary(std::span<const std::string> tags) {
  for (const std::string& tag : tags)
    add(tag);
  sort();
}

MusicVocabulary::MusicVocabulary() {
  std::string_view terms = common_music_terms();
  while (!terms.empty()) {
    const std::size_t end = terms.find('\n');
    add(terms.substr(0, end));
    terms.remove_prefix(end == std::string_view::npos ? terms.size() : end + 1);
  }
  sort();
}

void MusicVocabulary::add(std::string_view tag) {
  const std::vector<Word> words = read_words(tag, kPlain);
  if (words.empty() || (words.size() == 1 && is_everyday_word(words[0]))) return;
  if (std::any_of(words.begin(), words.end(), [](const Word& word) { return word.negated; })) return;
  if (std::all_of(words.begin(), words.end(), [](const Word& word) { return word.function; })) return;
  Phrase phrase;
  for (const Word& word : words) {
    phrase.lemmas.push_back(word.lemma);
  }
  phrase.text = tag;
  std::transform(phrase.text.begin(), phrase.text.end(), phrase.text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::vector<Phrase>& same_start = by_first_lemma_[phrase.lemmas[0]];
  const auto same = [&](const Phrase& other) { return other.lemmas == phrase.lemmas; };
  if (std::any_of(same_start.begin(), same_start.end(), same)) return;
  same_start.push_back(std::move(phrase));
  ++size_;
}

void MusicVocabulary::sort() {
  const auto longer = [](const Phrase& a, const Phrase& b) {
    return a.lemmas.size() != b.lemmas.size() ? a.lemmas.size() > b.lemmas.size() : a.text < b.text;
  };
  for (auto& [lemma, phrases] : by_first_lemma_)
    std::sort(phrases.begin(), phrases.end(), longer);
}

std::vector<MusicVocabulary::Hit> MusicVocabulary::find_hits(std::span<const Word> caption) const {
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < caption.size();) {
    std::size_t taken = 0;
    const auto phrases = by_first_lemma_.find(caption[i].lemma);
    if (phrases != by_first_lemma_.end()) {
      for (const Phrase& phrase : phrases->second) {
        const std::size_t n = phrase.lemmas.size();
        if (n > caption.size() - i || caption[i].sentence != caption[i + n - 1].sentence) continue;
        const auto equal = [](const std::string& lemma, const Word& word) { return lemma == word.lemma; };
        if (!std::equal(phrase.lemmas.begin(), phrase.lemmas.end(), caption.begin() + static_cast<long>(i),
                        equal)) {
          continue;
        }
        hits.push_back({i, n, phrase.text});
        taken = n;
        break;
      }
    }
    i += std::max<std::size_t>(taken, 1);
  }
  return hits;
}

std::vector<std::string> MusicVocabulary::find(std::string_view caption) const {
  std::vector<std::string> found;
  for (const Hit& hit : find_hits(read_words(caption, kPlain))) {
    if (std::find(found.begin(), found.end(), hit.phrase) == found.end()) found.emplace_back(hit.phrase);
  }
  return found;
}

}  // namespace lpmc
