#include "lpmc/captioning/track_caption.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "lpmc/captioning/caption_words.h"

namespace lpmc {
namespace {

using detail::f1_similarity;
using detail::ngram_keys;
using detail::Vocabulary;
using Words = std::vector<std::uint32_t>;

constexpr std::size_t kMaxCompared = 4096;  // different captions
constexpr std::size_t kMaxSupported = 256;  // sentences whose support is counted
constexpr std::size_t kMaxAppended = 2;
constexpr double kSaysTheSame = 0.5;
constexpr double kSameSubject = 0.25;
constexpr double kMajority = 0.5;
// Sums of the same terms in another order differ by rounding; less than this share is a tie.
constexpr double kTie = 1e-9;

constexpr std::string_view kFunctionWords[] = {
    "a",   "an",    "the",  "this", "that",  "these", "those", "it",    "its",  "is",  "are",   "was",
    "be",  "has",   "have", "and",  "or",    "of",    "in",    "on",    "at",   "to",  "with",  "by",
    "for", "from",  "as",   "into", "which", "who",   "while", "there", "here", "can", "could", "would",
    "may", "might", "also", "very", "some",  "being", "been",  "heard", "where"};

constexpr std::string_view kNegations[] = {"no",   "not",  "without", "never",  "neither", "nor",
                                           "none", "isnt", "arent",   "doesnt", "dont",    "cannot"};

constexpr std::pair<std::string_view, std::string_view> kOpposites[] = {
    {"slow", "fast"},
    {"slow", "upbeat"},
    {"male", "female"},
    {"man", "woman"},
    {"happy", "sad"},
    {"loud", "quiet"},
    {"major", "minor"},
    {"bright", "dark"},
    {"calm", "energetic"},
    {"instrumental", "singer"},
    {"instrumental", "singing"},
    {"instrumental", "vocals"},
};

/// Segments whose captions have the same words.
struct Group {
  std::string_view text;  // of the earliest
  Words words;            // in order
  double weight = 0;
  int segments = 0;
  std::vector<std::size_t> sentences;  // indices of different sentences
};

struct Sentence {
  std::string_view text;              // where it stands first
  Words words;                        // those that say something, sorted, each once
  Words negations;                    // sorted
  std::vector<std::uint64_t> ngrams;  // of the words that say something, in order
};

Words as_set(Words words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

bool contains(const Words& set, std::uint32_t word) {
  return std::binary_search(set.begin(), set.end(), word);
}
bool contains_all(const Words& set, const Words& part) {
  return std::includes(set.begin(), set.end(), part.begin(), part.end());
}

/// Takes the words of a sentence apart.
class SentenceReader {
 public:
  explicit SentenceReader(Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const std::string_view word : kFunctionWords)
      function_words_.push_back(vocabulary.id(word));
    for (const std::string_view word : kNegations)
      negations_.push_back(vocabulary.id(word));
    function_words_ = as_set(std::move(function_words_));
    negations_ = as_set(std::move(negations_));
  }

  Sentence read(std::string_view text) const {
    Sentence sentence{text, {}, {}, {}};
    Words telling;
    for (const std::uint32_t word : vocabulary_.words(text)) {
      if (contains(negations_, word)) {
        sentence.negations.push_back(word);
      } else if (!contains(function_words_, word)) {
        telling.push_back(word);
      }
    }
    sentence.negations = as_set(std::move(sentence.negations));
    sentence.ngrams = ngram_keys(telling);
    sentence.words = as_set(std::move(telling));
    return sentence;
  }

 private:
  Vocabulary& vocabulary_;
  Words function_words_;
  Words negations_;
};

/// Steps 1 and 2: the segments that count, those of the same words together, in order of appearance.
std::vector<Group> group_segments(std::span<const Segment> segments, Vocabulary& vocabulary) {
  std::vector<Group> groups;
  std::map<Words, std::size_t> index_of;
  for (const Segment& segment : segments) {
    if (segment.silent) continue;
    Words words = vocabulary.words(segment.text());
    if (words.empty()) continue;
    const auto [place, is_new] = index_of.try_emplace(words, groups.size());
    if (is_new) groups.push_back(Group{segment.text(), std::move(words), 0, 0, {}});
    Group& group = groups[place->second];
    const double duration_s = segment.end_s - segment.start_s;
    group.weight += duration_s > 0 ? duration_s : 0;
    ++group.segments;
  }
  if (groups.size() <= kMaxCompared) return groups;
  std::vector<Group> spaced;
  for (std::size_t i = 0; i < kMaxCompared; ++i) {
    spaced.push_back(std::move(groups[i * groups.size() / kMaxCompared]));
  }
  return spaced;
}

/// Step 3 of the rule. Counts the n-grams that a caption shares with each earlier one through lists
/// of who has which, which is several times faster than comparing pair by pair.
std::size_t most_central(const std::vector<Group>& groups) {
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> captions_with;
  std::vector<std::size_t> ngrams(groups.size());
  std::vector<std::uint32_t> shared(groups.size());
  std::vector<double> sums(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::vector<std::uint64_t> keys = ngram_keys(groups[i].words);
    ngrams[i] = keys.size();
    std::fill_n(shared.begin(), i, 0);
    for (const std::uint64_t key : keys) {
      std::vector<std::uint32_t>& captions = captions_with[key];
      for (const std::uint32_t j : captions)
        ++shared[j];
      captions.push_back(static_cast<std::uint32_t>(i));
    }
    sums[i] += groups[i].weight;
    for (std::size_t j = 0; j < i; ++j) {
      const double similarity = 2.0 * shared[j] / static_cast<double>(ngrams[i] + ngrams[j]);
      sums[i] += groups[j].weight * similarity;
      sums[j] += groups[i].weight * similarity;
    }
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < sums.size(); ++i) {
    if (sums[i] > sums[best] * (1 + kTie)) best = i;
  }
  return best;
}

/// All different sentences of the groups, in order of appearance; fills Group::sentences.
std::vector<Sentence> collect_sentences(std::vector<Group>& groups, const SentenceReader& reader) {
  std::vector<Sentence> sentences;
  std::map<std::pair<std::vector<std::uint64_t>, Words>, std::size_t> index_of;
  for (Group& group : groups) {
    for (const std::string_view text : detail::split_sentences(group.text)) {
      Sentence sentence = reader.read(text);
      if (sentence.words.empty()) continue;
      const auto [place, is_new] =
          index_of.try_emplace({sentence.ngrams, sentence.negations}, sentences.size());
      if (is_new) sentences.push_back(std::move(sentence));
      group.sentences.push_back(place->second);
    }
  }
  return sentences;
}

/// Sentences that more than `needed` of the weight may support: all their words are that common.
/// At most kMaxSupported, those of the most common words.
std::vector<std::size_t> possibly_supported(const std::vector<Group>& groups,
                                            const std::vector<Sentence>& sentences, double needed) {
  std::unordered_map<std::uint32_t, double> weight_of;
  for (const Group& group : groups) {
    for (const std::uint32_t word : as_set(group.words))
      weight_of[word] += group.weight;
  }
  std::vector<std::pair<double, std::size_t>> found;  // bound, sentence
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    double bound = weight_of[sentences[i].words.front()];
    for (const std::uint32_t word : sentences[i].words)
      bound = std::min(bound, weight_of[word]);
    if (bound > needed) found.emplace_back(bound, i);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  found.resize(std::min(found.size(), kMaxSupported));
  std::vector<std::size_t> indices;
  for (const auto& [bound, index] : found)
    indices.push_back(index);
  std::sort(indices.begin(), indices.end());
  return indices;
}

bool supports(const Sentence& said, const Sentence& sentence) {
  return said.negations == sentence.negations && contains_all(said.words, sentence.words) &&
         f1_similarity(said.ngrams, sentence.ngrams) >= kSaysTheSame;
}

/// The sentences that most segments agree on, those with most support first.
std::vector<const Sentence*> agreed_sentences(const std::vector<Group>& groups,
                                              const std::vector<Sentence>& sentences) {
  double total = 0;
  for (const Group& group : groups)
    total += group.weight;
  const double needed = total * kMajority * (1 + kTie);
  std::vector<std::pair<double, const Sentence*>> agreed;
  std::vector<bool> agrees(sentences.size());
  for (const std::size_t index : possibly_supported(groups, sentences, needed)) {
    for (std::size_t i = 0; i < sentences.size(); ++i)
      agrees[i] = supports(sentences[i], sentences[index]);
    double support = 0;
    int segments = 0;
    for (const Group& group : groups) {
      if (!std::any_of(group.sentences.begin(), group.sentences.end(),
                       [&](std::size_t i) { return agrees[i]; })) {
        continue;
      }
      support += group.weight;
      segments += group.segments;
    }
    if (support > needed && segments >= 2) agreed.emplace_back(support, &sentences[index]);
  }
  std::stable_sort(agreed.begin(), agreed.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Sentence*> ordered;
  for (const auto& [support, sentence] : agreed)
    ordered.push_back(sentence);
  return ordered;
}

/// The caption being put together, and what it says so far.
class Consensus {
 public:
  Consensus(std::string_view base, const SentenceReader& reader, Vocabulary& vocabulary) : text_(base) {
    for (const auto& [one, other] : kOpposites) {
      opposites_.emplace_back(vocabulary.id(one), vocabulary.id(other));
    }
    for (const std::string_view sentence : detail::split_sentences(base))
      take(reader.read(sentence));
  }

  bool fits(const Sentence& sentence) const {
    if (contains_all(words_, sentence.words)) return false;
    for (const auto& [one, other] : opposites_) {
      if (contains(sentence.words, one) && contains(words_, other)) return false;
      if (contains(sentence.words, other) && contains(words_, one)) return false;
    }
    return std::none_of(said_.begin(), said_.end(), [&](const Sentence& said) {
      return f1_similarity(said.ngrams, sentence.ngrams) >= kSameSubject;
    });
  }

  void append(const Sentence& sentence) {
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n'))
      text_.pop_back();
    const bool ended = text_.ends_with('.') || text_.ends_with('!') || text_.ends_with('?');
    text_ += ended ? " " : ". ";
    text_ += sentence.text;
    take(sentence);
  }

  std::string text() && { return std::move(text_); }

 private:
  void take(const Sentence& sentence) {
    words_.insert(words_.end(), sentence.words.begin(), sentence.words.end());
    words_ = as_set(std::move(words_));
    said_.push_back(sentence);
  }

  std::string text_;
  Words words_;  // of all its sentences, sorted
  std::vector<Sentence> said_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> opposites_;
};

}  // namespace

std::string track_caption(std::span<const Segment> segments) {
  Vocabulary vocabulary;
  auto groups = group_segments(segments, vocabulary);
  if (groups.empty()) return {};
  const SentenceReader reader(vocabulary);
  Consensus consensus(groups[most_central(groups)].text, reader, vocabulary);
  const std::vector<Sentence> sentences = collect_sentences(groups, reader);
  std::size_t appended = 0;
  for (const Sentence* sentence : agreed_sentences(groups, sentences)) {
    if (appended == kMaxAppended) break;
    if (!consensus.fits(*sentence)) continue;
    consensus.append(*sentence);
    ++appended;
  }
  return std::move(consensus).text();
}

}  // namespace lpmc
