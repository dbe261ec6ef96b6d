#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace lpmc {

/// A clip of a data set and the caption found for it.
struct InferredClip {
  std::string audio_id;  ///< unique in the data set
  std::string prediction;
  std::string true_caption;  ///< "" where the data set has none
  std::string audio;         ///< path
};

/// The inference.json of a data set, as the original's infer.py writes it: {"0": {"predictions",
/// "true_captions", "audio_id"}, ...} in the data set's order (and "audio", which is ours). It is there whole
/// or not at all. What is finished before lies in a side file (OUTPUT.partial.jsonl), so that a run that was
/// interrupted goes on.
class InferenceFile {
 public:
  /// Opens the side file and takes the finished clips of an earlier run over.
  /// @param settings all that captions depend on: the side file of a run with others is not taken over
  /// @throws Error(invalid_argument) when the side file is of other settings or `output` is a folder,
  /// Error(corrupt) naming file and line when it is not one, Error(not_found, io) when it cannot be written
  InferenceFile(std::filesystem::path output, const nlohmann::json& settings);

  /// Clips taken over or added.
  std::size_t size() const { return predictions_.size(); }
  bool has(std::string_view audio_id) const { return predictions_.contains(audio_id); }
  /// Writes the clip to the side file at once.   @throws Error(io)
  void add(std::string_view audio_id, std::string_view prediction);

  /// Writes the output: those of `clips` that are finished, in this order, with their predictions.
  /// @param is_complete removes the side file; else it stays, and the next run does the rest
  void finish(std::vector<InferredClip> clips, bool is_complete);

  static std::filesystem::path side_file(const std::filesystem::path& output);

 private:
  void take_over(const nlohmann::json& settings);
  void take_line(std::string_view line, std::size_t number, const nlohmann::json& settings);
  void write_line(const nlohmann::json& line);

  std::filesystem::path output_;
  std::filesystem::path side_;
  std::ofstream stream_;
  std::map<std::string, std::string, std::less<>> predictions_;  // by audio_id
};

}  // namespace lpmc
