#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lpmc/captioning/benchmark.h"
#include "lpmc/model/model_dir.h"

namespace lpmc {

/// A fresh folder under the system's temporary one, removed with the object.
class ScratchFolder {
 public:
  /// @throws Error(io)
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Writes chords, another one every few seconds: mono 16-bit PCM.
/// @throws Error(io)
void write_chords(const std::filesystem::path& file, double duration_s, int sample_rate);

/// What the memory of captioning is measured with.
struct MemoryRun {
  std::string program;    ///< lpmc's own file
  std::string model;      ///< as --model takes it
  std::string tokenizer;  ///< as --tokenizer takes it; may be empty
  DType arithmetic = DType::f32;
  ModelConfig config;
};

/// Runs a program, its output thrown away, and watches the largest resident set it has had (VmHWM).
/// Read every few milliseconds while it runs: growth in its last few is missed.
/// @param argv its file and its arguments
/// @throws Error(io) when it cannot be started or ends with another code than 0
std::size_t peak_resident_bytes(const std::vector<std::string>& argv);

/// `lpmc caption` in a process of its own, on sound of 18 segments in one batch, with the captions'
/// length of `options`: its peak resident set, and seconds from start to end.
StageFigure benchmark_memory(const MemoryRun& run, const BenchmarkOptions& options,
                             const std::filesystem::path& scratch);

}  // namespace lpmc
