#pragma once

#include <string>
#include <vector>

namespace lpmc {

/// A clip's prediction beside what people wrote of it. UTF-8, as read: nothing is trimmed or normalised.
struct ClipCaptions {
  std::string id;  ///< "" where the file has none
  std::string prediction;
  std::vector<std::string> references;  ///< at least one
  std::string audio;                    ///< path, "" where the file has none
};

}  // namespace lpmc
