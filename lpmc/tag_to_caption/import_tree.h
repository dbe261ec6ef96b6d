#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// A folder of captions as the original writes it: [{dataset}/]{prompt}/{split}/{id}.txt.
class CaptionTree {
 public:
  static constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

  /// @param root the data set's folder, or one above it
  /// @param dataset its name; "" = the only one there
  /// @throws Error(not_found, invalid_argument) when there are no {prompt}/{split} folders, or several data
  /// sets to choose from
  CaptionTree(const std::filesystem::path& root, std::string_view dataset);

  /// The prompts that have a folder, sorted.
  std::vector<std::string> prompts() const;
  /// The text written for a record, from whichever split's folder has it, without blanks at its ends. Nothing
  /// where there is none or it is empty (an interrupted run leaves such files); ill-formed UTF-8 becomes
  /// U+FFFD.
  /// @throws Error(io, corrupt) when the file cannot be read, or is over kMaxFileBytes
  std::optional<std::string> find(std::string_view prompt_id, std::string_view record_id) const;
  /// All .txt files of a prompt.
  std::uint64_t count_files(std::string_view prompt_id) const;

 private:
  std::vector<std::filesystem::path> split_folders(std::string_view prompt_id) const;

  struct PromptFolder {
    std::string prompt;
    std::vector<std::filesystem::path> splits;  // sorted
  };
  std::vector<PromptFolder> folders_;
};

}  // namespace lpmc
