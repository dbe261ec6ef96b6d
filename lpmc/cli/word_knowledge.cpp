#include "lpmc/cli/word_knowledge.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lpmc/evaluation/wordnet.h"

namespace lpmc::cli {
namespace {

constexpr std::size_t kMaxRemembered = 200'000;  // captions of any model hold fewer different words

/// A function of a word, looked up once a word.
class Remembered {
 public:
  template <class Look>
  std::vector<std::string> find(std::string_view word, const Look& look) {
    std::string key(word);
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = values_.find(key); found != values_.end()) return found->second;
    }
    std::vector<std::string> value = look(word);
    const std::unique_lock lock(mutex_);
    if (values_.size() < kMaxRemembered) values_.emplace(std::move(key), value);
    return value;
  }

  /// Whether the sorted value of `word` has `wanted`.
  template <class Look>
  bool contains(std::string_view word, const std::string& wanted, const Look& look) {
    const std::string key(word);
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = values_.find(key); found != values_.end())
        return std::binary_search(found->second.begin(), found->second.end(), wanted);
    }
    const std::vector<std::string> value = find(word, look);
    return std::binary_search(value.begin(), value.end(), wanted);
  }

 private:
  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::vector<std::string>> values_;
};

class Dictionary {
 public:
  explicit Dictionary(const std::filesystem::path& folder) : wordnet_(folder) {}

  std::vector<std::string> lemmas(std::string_view word) {
    return lemmas_.find(word, [&](std::string_view looked_up) {
      std::vector<std::string> forms;
      for (const PartOfSpeech part :
           {PartOfSpeech::noun, PartOfSpeech::verb, PartOfSpeech::adjective, PartOfSpeech::adverb}) {
        for (std::string& form : wordnet_.base_forms(looked_up, part)) {
          if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(std::move(form));
        }
      }
      return forms;
    });
  }

  bool are_synonyms(std::string_view a, std::string_view b) {
    return synonyms_.contains(a, std::string(b),
                              [&](std::string_view word) { return wordnet_.synonyms(word); });
  }

 private:
  WordNet wordnet_;
  Remembered lemmas_, synonyms_;
};

}  // namespace

WordKnowledge word_knowledge(const std::string& wordnet) {
  const std::optional<std::filesystem::path> folder =
      wordnet.empty() ? WordNet::find() : std::optional<std::filesystem::path>(wordnet);
  if (!folder) return {};
  const auto dictionary = std::make_shared<Dictionary>(*folder);
  return {[dictionary](std::string_view word) { return dictionary->lemmas(word); },
          [dictionary](std::string_view a, std::string_view b) { return dictionary->are_synonyms(a, b); }};
}

}  // namespace lpmc::cli
