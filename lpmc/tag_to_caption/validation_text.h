#pragma once

#include <span>
#include <string_view>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {

/// "I'm sorry, but", "As an AI language model", "I cannot write".
bool is_refusal(std::string_view caption);

/// "Here is a song description:", "Title:", markdown, chat templates, "Let me know if".
bool has_boilerplate(std::string_view caption);

/// Whether the caption holds a stretch of the query's instruction (tags are no instruction).
bool echoes_prompt(std::span<const Word> caption, std::string_view query, std::span<const std::string> tags);

/// Whether the caption is not English, by its letters and function words.
bool is_foreign(std::string_view caption, std::span<const Word> words);

/// Names of people, bands and albums: "by The Beatles", titles in quotes, capitals in mid sentence, but those
/// of languages, places, genres and of the tags.
bool has_names(std::string_view caption, std::span<const std::string> tags);

/// Whether the text breaks off: the server says so, or it ends in a comma or a word that ends no sentence.
bool is_cut_off(std::string_view caption, std::string_view finish_reason, std::span<const Word> words);

}  // namespace lpmc
