#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace lpmc {

/// Words whose last period ends no sentence: "dr", "p.m", "vs".
class Abbreviations {
 public:
  Abbreviations() = default;
  /// In any case, with or without the last period.
  explicit Abbreviations(const std::vector<std::string>& words);

  /// One a line; empty lines and lines that begin with "#" are skipped.
  /// @throws Error(not_found | io) when there is no such file, Error(corrupt) naming file and line where a
  ///   line is no single word or no valid UTF-8
  static Abbreviations read(const std::filesystem::path& file);

  /// @param word lower-case, without its last period
  bool contains(std::u32string_view word) const;
  std::size_t size() const { return words_.size(); }

 private:
  void add(std::string_view word);

  std::unordered_set<std::u32string> words_;
};

/// Sentences as NLTK's Punkt without a trained model cuts them; white space between them is dropped.
/// Source: nltk 3.8.1, PunktSentenceTokenizer with empty parameters but for the abbreviations.
std::vector<std::string> split_sentences(std::string_view text, const Abbreviations& abbreviations = {});

/// The same on code points, as views into `text`.
std::vector<std::u32string_view> split_sentences(std::u32string_view text,
                                                 const Abbreviations& abbreviations);

}  // namespace lpmc
