#include "lpmc/evaluation/caption_statistics.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "lpmc/evaluation/resampling.h"
#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

using Words = std::unordered_set<std::string>;

void add_words(Words& words, std::string_view caption) {
  for (std::string& word : vocabulary_words(caption))
    words.insert(std::move(word));
}

}  // namespace

std::size_t caption_length(std::string_view caption) {
  return split_white_space(caption).size();
}

LengthStatistics caption_lengths(std::span<const ClipCaptions> clips) {
  std::vector<double> lengths;
  lengths.reserve(clips.size());
  for (const ClipCaptions& clip : clips)
    lengths.push_back(static_cast<double>(caption_length(clip.prediction)));
  LengthStatistics statistics;
  statistics.mean = ordered_mean(lengths);
  for (double& length : lengths)
    length = (length - statistics.mean) * (length - statistics.mean);
  statistics.standard_deviation = std::sqrt(ordered_mean(lengths));
  return statistics;
}

std::vector<std::string> vocabulary_words(std::string_view caption) {
  std::string text = to_lower_case(caption);
  std::erase_if(text, [](char c) { return c == ',' || c == '.'; });
  const std::vector<std::string_view> pieces = split_white_space(text);
  return {pieces.begin(), pieces.end()};
}

double VocabularyStatistics::novelty() const {
  return size == 0 ? 0 : static_cast<double>(novel) / static_cast<double>(size);
}

VocabularyStatistics vocabulary_all(std::span<const ClipCaptions> clips,
                                    std::span<const std::string> train_captions) {
  Words predicted, trained;
  for (const ClipCaptions& clip : clips)
    add_words(predicted, clip.prediction);
  for (const std::string& caption : train_captions)
    add_words(trained, caption);
  VocabularyStatistics statistics;
  statistics.size = std::ssize(predicted);
  statistics.novel = std::count_if(predicted.begin(), predicted.end(),
                                   [&](const std::string& word) { return !trained.contains(word); });
  statistics.predictions = std::ssize(clips);
  statistics.train_captions = std::ssize(train_captions);
  return statistics;
}

VocabularyStatistics vocabulary_published(std::span<const ClipCaptions> clips,
                                          std::span<const std::string> train_captions) {
  const std::size_t walked = std::min(clips.size(), train_captions.size());
  return vocabulary_all(clips.first(walked), train_captions.first(walked));
}

double caption_novelty(std::span<const ClipCaptions> clips, std::span<const std::string> train_captions) {
  std::unordered_set<std::string_view> predictions;
  for (const ClipCaptions& clip : clips)
    predictions.insert(clip.prediction);
  if (predictions.empty()) return 0;
  const std::unordered_set<std::string_view> trained(train_captions.begin(), train_captions.end());
  const auto novel = std::count_if(predictions.begin(), predictions.end(),
                                   [&](std::string_view caption) { return !trained.contains(caption); });
  return static_cast<double>(novel) / static_cast<double>(predictions.size());
}

}  // namespace lpmc
