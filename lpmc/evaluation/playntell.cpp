#include "lpmc/evaluation/playntell.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace lpmc {

PlayntellDiversity playntell_diversity(std::span<const ClipCaptions> clips,
                                       std::span<const std::string> train_captions) {
  const std::unordered_set<std::string_view> known(train_captions.begin(), train_captions.end());
  std::unordered_set<std::string_view> pieces;
  std::size_t novel = 0;
  for (const ClipCaptions& clip : clips) {
    const std::string_view text = clip.prediction;
    novel += known.contains(text) ? 0 : 1;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      pieces.insert(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  PlayntellDiversity diversity;
  diversity.vocabulary = static_cast<std::int64_t>(pieces.size());
  if (!clips.empty())
    diversity.perc_novel = 100 * static_cast<double>(novel) / static_cast<double>(clips.size());
  return diversity;
}

}  // namespace lpmc
