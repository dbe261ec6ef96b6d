#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/base/mapped_file.h"

namespace lpmc {

enum class PartOfSpeech { noun, verb, adjective, adverb };
constexpr int kPartsOfSpeech = 4;

/// The synonym sets of a WordNet dictionary folder (index.*, data.* and *.exc of noun, verb, adj, adv). The
/// files are mapped and read where a word is looked up. Usable from many threads at once.
class WordNet {
 public:
  /// The version that the published METEOR was computed with.
  static constexpr std::string_view kReferenceVersion = "3.0";

  /// The folder on this machine, if any: $WNSEARCHDIR, $WNHOME/dict, then the places of Debian, Homebrew
  /// and Princeton's own installer.
  static std::optional<std::filesystem::path> find();

  /// @param dict a folder, or one with a folder "dict" inside
  /// @throws Error(not_found) naming the file that is missing, Error(corrupt) naming file and line
  explicit WordNet(const std::filesystem::path& dict);

  /// "3.0", as the licence text at the head of the files has it; "" where they have none.
  const std::string& version() const { return version_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// What to tell users where version() is not kReferenceVersion: scores differ slightly.
  std::optional<std::string> note() const;

  /// The word's forms that WordNet lists: its irregular forms, or else the word and what its regular endings
  /// come from. Empty where none is listed.
  /// @param word lower-case
  /// Source: nltk 3.8.1, WordNetCorpusReader._morphy.
  std::vector<std::string> base_forms(std::string_view word, PartOfSpeech part) const;

  /// The word and every single-word member of every synonym set of its base forms, sorted, each once; case
  /// as in WordNet ("Song").
  /// @throws Error(corrupt) naming file and line
  /// Source: nltk 3.8.1, meteor_score's synonym stage.
  std::vector<std::string> synonyms(std::string_view word) const;

 private:
  struct Part {
    MappedFile index;
    MappedFile data;
    MappedFile exceptions;
    std::vector<std::uint32_t> lines;  // where each line of the index starts, the licence left out
    std::unordered_map<std::string_view, std::string_view> irregular;  // form to its base forms
  };

  void load_index(Part& part);
  void load_exceptions(Part& part);
  /// The index line of a lemma without the lemma, "" where there is none.
  std::string_view find_lemma(const Part& part, std::string_view lemma) const;
  void add_members(const Part& part, std::string_view index_line, std::vector<std::string>& members) const;
  void add_synset(const Part& part, std::size_t offset, std::vector<std::string>& members) const;

  std::filesystem::path folder_;
  std::string version_;
  std::size_t longest_lemma_ = 0;
  std::array<Part, kPartsOfSpeech> parts_;
};

}  // namespace lpmc
