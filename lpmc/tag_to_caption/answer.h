#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// What a language model's text says once wrappers are off.
struct Answer {
  std::string caption;                      ///< one line, trimmed, quotes around the whole removed
  std::vector<std::string> new_attributes;  ///< attribute_prediction only
};

/// Takes reasoning (<think>...</think> and the like, also unclosed), code fences, "Sure, here is ...:" lines
/// and enclosing quotes off; nothing inside the sentence changes.
std::string strip_wrappers(std::string_view text);

/// Reads an answer that should be a dictionary: JSON, a Python dict (single quotes, True, None, trailing
/// commas, adjacent string literals), fenced, with prose before or after, list or comma-separated string as
/// new_attribute; cut-off text where description is whole. Nothing when there is no description. Never
/// throws; bounded depth and time on hostile text.
std::optional<Answer> parse_dictionary_answer(std::string_view text);

/// For the other tasks: strip_wrappers, whitespace runs to one space. Also takes {"caption": ...} or
/// {"description": ...}. Nothing when it is empty.
std::optional<Answer> parse_plain_answer(std::string_view text);

}  // namespace lpmc
