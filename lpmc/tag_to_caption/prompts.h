#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// An instruction for the language model: one of the four published tasks, or a user's own.
/// Source: lp-music-caps generate.py (LP-MusicCaps, ISMIR 2023); texts byte for byte.
struct Prompt {
  std::string id;  ///< "writing", "summary", "paraphrase", "attribute_prediction"; a file's stem
  std::string singular,
      plural;  ///< a file's two are equal; "{tags}" in them is where the tags go, else they follow
  bool expects_dictionary = false;  ///< attribute_prediction: {"new_attribute", "description"}

  /// SHA-256 of singular, NUL, plural in hex: what the caption was asked with, for provenance.
  std::string hash() const;
};

/// The four published tasks, in the paper's order.
std::span<const Prompt> published_prompts();

/// One prompt by name, or all four for "all".
/// @throws Error(invalid_argument) listing the names
std::vector<Prompt> find_prompts(std::string_view name);

/// A user's prompt: the text of a file (UTF-8, at most 64 KiB), its stem the id.
Prompt read_prompt_file(const std::filesystem::path& path);

/// The whole user message: instruction, " \n ", the tags joined by ", ". @pre tags is not empty
std::string make_query(const Prompt& prompt, std::span<const std::string> tags);

}  // namespace lpmc
