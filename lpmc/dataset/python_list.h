#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// The strings of a list as Python prints it: "['low quality', \"it's\", 'a\\nb']". Takes JSON arrays too, a
/// trailing comma, numbers (as their text), None and nan (left out), and NumPy's way without commas
/// ("['a' 'b']": two elements). Nothing when the text is no such list; never throws.
std::optional<std::vector<std::string>> parse_python_list(std::string_view text);

}  // namespace lpmc
