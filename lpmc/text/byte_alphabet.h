#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lpmc {

/// The character that stands for a byte in vocab.json and merges.txt: printable Latin-1 characters
/// for themselves, U+0100 and up for the others in order of the byte (so "Ġ" is the space).
/// Source: the bytes_to_unicode table of GPT-2's tokenizer.
char32_t byte_character(std::uint8_t byte);

/// byte_character as UTF-8.
std::string_view byte_token(std::uint8_t byte);

/// The byte a character stands for; nothing for a character outside the alphabet.
std::optional<std::uint8_t> character_byte(char32_t character);

/// Takes the first character off `text`. @pre text is well-formed UTF-8 and not empty
char32_t take_character(std::string_view& text);

/// What Python's str.isspace() says of a character: the white space that str.split() and
/// str.rstrip() know, U+001C to U+001F included (which the pre-tokenizer's \s does not include).
bool is_python_space(char32_t character);

}  // namespace lpmc
