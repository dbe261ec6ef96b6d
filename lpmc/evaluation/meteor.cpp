#include "lpmc/evaluation/meteor.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/meteor_words.h"
#include "lpmc/evaluation/unicode_text.h"
#include "lpmc/evaluation/word_tokenizer.h"

namespace lpmc {
namespace {

using Word = MeteorWords::Word;

/// A word that has no partner yet.
struct Entry {
  int position;
  const Word* word;
};

/// Where words stand among the entries of a text; places are given away from the right.
class Places {
 public:
  explicit Places(std::span<const Entry> entries) : previous_(entries.size()) {
    last_.reserve(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      int& last = last_.try_emplace(entries[i].word, kNowhere).first->second;
      previous_[i] = last;
      last = static_cast<int>(i);
    }
  }

  static constexpr int kNowhere = -1;

  /// The rightmost free entry of a word, or kNowhere.
  int last(const Word* word) const {
    const auto found = last_.find(word);
    return found == last_.end() ? kNowhere : found->second;
  }
  void take_last(const Word* word) {
    int& last = last_.at(word);
    last = previous_[static_cast<std::size_t>(last)];
  }

 private:
  std::unordered_map<const Word*, int> last_;
  std::vector<int> previous_;  // the entry of the same word to the left
};

void drop_matched(std::vector<Entry>& entries, const std::vector<bool>& matched) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!matched[i]) entries[kept++] = entries[i];
  }
  entries.resize(kept);
}

/// One stage of the alignment: predicted words from the last to the first, each with the last reference
/// word that fits. Matched entries leave the lists.
/// @param find (places, predicted word): the entry that fits, or Places::kNowhere
/// @return how many matches were found
template <class Find>
int match_stage(std::vector<Entry>& predicted, std::vector<Entry>& referred,
                std::vector<std::pair<int, int>>& matches, Find&& find) {
  Places places(referred);
  std::vector<bool> predicted_matched(predicted.size()), referred_matched(referred.size());
  int found = 0;
  for (std::size_t i = predicted.size(); i-- > 0;) {
    const int place = find(places, predicted[i].word);
    if (place == Places::kNowhere) continue;
    const Entry& partner = referred[static_cast<std::size_t>(place)];
    matches.emplace_back(predicted[i].position, partner.position);
    places.take_last(partner.word);
    predicted_matched[i] = true;
    referred_matched[static_cast<std::size_t>(place)] = true;
    ++found;
  }
  drop_matched(predicted, predicted_matched);
  drop_matched(referred, referred_matched);
  return found;
}

int count_chunks(std::span<const std::pair<int, int>> matches) {
  if (matches.empty()) return 0;
  int chunks = 1;
  for (std::size_t i = 1; i < matches.size(); ++i) {
    chunks += matches[i].first != matches[i - 1].first + 1 || matches[i].second != matches[i - 1].second + 1;
  }
  return chunks;
}

std::vector<Entry> entries_of(std::span<const std::string> tokens, MeteorWords& words) {
  std::vector<Entry> entries;
  entries.reserve(tokens.size());
  for (const std::string& token : tokens)
    entries.push_back({static_cast<int>(entries.size()), &words.find(to_lower_case(token))});
  return entries;
}

}  // namespace

void validate(const MeteorOptions& options) {
  LPMC_REQUIRE(options.alpha >= 0 && options.alpha <= 1, invalid_argument,
               "meteor-alpha: expected 0 to 1, found {}", options.alpha);
  LPMC_REQUIRE(options.beta >= 0 && std::isfinite(options.beta), invalid_argument,
               "meteor-beta: expected 0 or more, found {}", options.beta);
  LPMC_REQUIRE(options.gamma >= 0 && options.gamma <= 1, invalid_argument,
               "meteor-gamma: expected 0 to 1, found {}", options.gamma);
}

Meteor::Meteor(const WordNet& wordnet, MeteorOptions options)
    : options_(std::move(options)), words_(std::make_unique<MeteorWords>(wordnet)) {
  validate(options_);
}
Meteor::~Meteor() = default;
Meteor::Meteor(Meteor&&) noexcept = default;
Meteor& Meteor::operator=(Meteor&&) noexcept = default;

MeteorAlignment Meteor::align(std::span<const std::string> prediction,
                              std::span<const std::string> reference) const {
  MeteorWords& words = *words_;
  std::vector<Entry> predicted = entries_of(prediction, words);
  std::vector<Entry> referred = entries_of(reference, words);
  const auto same = [](const Places& places, const Word* word) { return places.last(word); };
  MeteorAlignment alignment;
  alignment.exact = match_stage(predicted, referred, alignment.matches, same);

  // Kept on purpose: the words stay stems, and it is stems whose synonyms are looked up.
  for (std::vector<Entry>* entries : {&predicted, &referred}) {
    for (Entry& entry : *entries)
      entry.word = &words.stem(*entry.word);
  }
  alignment.stem = match_stage(predicted, referred, alignment.matches, same);
  if (!predicted.empty() && !referred.empty()) {
    alignment.synonym =
        match_stage(predicted, referred, alignment.matches, [&](const Places& places, const Word* word) {
          int last = Places::kNowhere;
          for (const Word* synonym : words.synonyms(*word))
            last = std::max(last, places.last(synonym));
          return last;
        });
  }
  std::sort(alignment.matches.begin(), alignment.matches.end());
  alignment.chunks = count_chunks(alignment.matches);
  return alignment;
}

double Meteor::score_tokens(std::span<const std::string> prediction,
                            std::span<const std::string> reference) const {
  const MeteorAlignment alignment = align(prediction, reference);
  if (alignment.matches.empty()) return 0;
  const double matches = static_cast<double>(alignment.matches.size());
  const double precision = matches / static_cast<double>(prediction.size());
  const double recall = matches / static_cast<double>(reference.size());
  const double mean = precision * recall / (options_.alpha * precision + (1 - options_.alpha) * recall);
  const double penalty = options_.gamma * std::pow(alignment.chunks / matches, options_.beta);
  return (1 - penalty) * mean;
}

double Meteor::score(const ClipCaptions& clip) const {
  LPMC_REQUIRE(!clip.references.empty(), invalid_argument,
               "METEOR: expected at least one reference, found none");
  const std::vector<std::string> prediction = tokenize_nltk(clip.prediction, options_.abbreviations);
  double best = 0;
  for (const std::string& reference : clip.references)
    best = std::max(best, score_tokens(prediction, tokenize_nltk(reference, options_.abbreviations)));
  return best;
}

}  // namespace lpmc
