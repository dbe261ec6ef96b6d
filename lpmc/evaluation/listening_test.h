#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/evaluation/clip_captions.h"

namespace lpmc {

struct ListeningTestOptions {
  std::string first_name, second_name;  ///< of the systems; they do not stand on the page, only in its export
  std::filesystem::path audio;          ///< folder of the clips' audio
  bool embed_audio = true;              ///< into the page; else it links to the files
  std::filesystem::path page_folder;    ///< where the page will lie, for its links; "" = the working folder
  std::size_t clips = 0;                ///< how many are drawn; 0 = all
  std::uint32_t seed = 0;               ///< of the draw, the order and of which caption stands left
};

/// One HTML page for an A/B listening test with the questions of the LP-MusicCaps paper: which caption has
/// more true positives, which fewer false positives; a draw is an answer. Which system wrote which caption is
/// hidden from the eye (not from the page's source). Answers stay in the browser until they are saved as a
/// JSON file.
/// @param first, second the same clips in the same order
/// @throws Error(invalid_argument) when their numbers differ or are 0; Error(unsupported) for huge audio
/// files
std::string listening_test_html(std::span<const ClipCaptions> first, std::span<const ClipCaptions> second,
                                const ListeningTestOptions& options);

/// Answers to one question.
struct AnswerCounts {
  std::string question;  ///< "more_true_positives", "fewer_false_positives"
  std::int64_t first = 0, draw = 0, second = 0;
  double p = 1;  ///< two-sided sign test without the draws

  std::int64_t total() const { return first + draw + second; }
};

struct ListeningTestCounts {
  std::string first_name, second_name;
  std::size_t raters = 0;
  std::vector<AnswerCounts> questions;
};

/// A file that the page saved.
struct AnswerFile {
  std::string name;  ///< stands in messages
  std::string text;
};

/// Counts the answers of all raters.
/// @throws Error(corrupt) naming file, answer, key: no JSON, an unknown answer, a clip twice by one rater;
/// Error(invalid_argument) when the files belong to different tests or there is none
ListeningTestCounts count_answers(std::span<const AnswerFile> files);

/// A table for people.
std::string answers_text(const ListeningTestCounts& counts);
/// The same as JSON.
std::string answers_json(const ListeningTestCounts& counts);

}  // namespace lpmc
