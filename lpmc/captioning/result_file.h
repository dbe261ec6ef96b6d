#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "lpmc/base/atomic_file.h"

namespace lpmc {

/// One file for the results of many inputs (-o FILE), whole or not there at all. With `keep` an
/// earlier run's jsonl is taken over, so that a run that was interrupted goes on where it stopped.
class ResultFile {
 public:
  /// @param keep takes the lines of finished files over from the file that is there; lines of failed
  /// ones are left out, to be tried again
  /// @throws Error(corrupt) naming the line when `keep` is set and the file is no jsonl of lpmc's;
  /// as AtomicFile
  ResultFile(const std::filesystem::path& path, bool keep);

  /// True when a line that was taken over holds the captions of `input`.
  bool has(const std::filesystem::path& input) const;

  void write(std::string_view text) { file_.write(text); }
  void commit() { file_.commit(); }

 private:
  void take_over(const std::filesystem::path& path);

  AtomicFile file_;
  std::set<std::string> inputs_;
};

}  // namespace lpmc
