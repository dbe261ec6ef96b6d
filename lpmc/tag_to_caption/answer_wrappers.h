#pragma once

#include <string>
#include <string_view>

namespace lpmc {

/// `text` without reasoning: from its mark to its end, to the text's end where it is not closed, and all
/// before a lone end mark (the opening one stood in the prompt).
std::string without_reasoning(std::string_view text);

}  // namespace lpmc
