#include "lpmc/evaluation/meteor_words.h"

#include "lpmc/evaluation/porter_stemmer.h"

namespace lpmc {

const MeteorWords::Word& MeteorWords::find(std::string_view lower_case_word) {
  Shard& shard = shards_[std::hash<std::string_view>()(lower_case_word) % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.words.find(lower_case_word);
  if (found != shard.words.end()) return *found->second;
  auto word = std::make_unique<Word>(lower_case_word);
  const std::string_view key = word->text();
  return *shard.words.emplace(key, std::move(word)).first->second;
}

const MeteorWords::Word& MeteorWords::stem(const Word& word) {
  std::call_once(word.stem_once_, [&] { word.stem_ = &find(porter_stem(word.text())); });
  return *word.stem_;
}

std::span<const MeteorWords::Word* const> MeteorWords::synonyms(const Word& word) {
  std::call_once(word.synonyms_once_, [&] {
    const std::vector<std::string> members = wordnet_.synonyms(word.text());
    word.synonyms_.reserve(members.size());
    for (const std::string& member : members)
      word.synonyms_.push_back(&find(member));
  });
  return word.synonyms_;
}

}  // namespace lpmc
