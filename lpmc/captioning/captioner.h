#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "lpmc/captioning/captions.h"
#include "lpmc/captioning/options.h"
#include "lpmc/generation/options.h"

// Music to words:
//
//   lpmc::Captioner captioner("default");
//   const lpmc::FileCaptions captions = captioner.caption("song.mp3");
//   for (const lpmc::Segment& segment : captions.segments) {
//     std::cout << segment.start_s << " s: " << segment.text() << '\n';
//   }

namespace lpmc {

/// How far a run is.
struct CaptionProgress {
  std::size_t files_done = 0;
  std::size_t segments_done = 0;
  double audio_s_done = 0;   ///< seconds of sound captioned
  double audio_s_known = 0;  ///< seconds of sound of the files opened so far
};

/// A model, ready to caption. Opening reads and packs the weights; one object captions any number of
/// files. One call at a time.
class Captioner {
 public:
  /// @param model a folder, a name (`lpmc model list`) or a checkpoint of the original project
  /// @param tokenizer folder of vocab.json and merges.txt, where they do not lie beside the weights
  /// @param dtype of the arithmetic: "f32", "bf16", "int8", or "auto": the fastest on this machine whose
  /// captions the model card vouches for (captioning/arithmetic.h)
  /// @throws Error(not_found, corrupt, unsupported) naming what is missing or wrong,
  /// Error(invalid_argument) for another dtype
  explicit Captioner(std::string_view model = "default", const std::filesystem::path& tokenizer = {},
                     std::string_view dtype = "auto");
  ~Captioner();
  Captioner(Captioner&&) noexcept;
  Captioner& operator=(Captioner&&) noexcept;

  /// The model's name as it was asked for.
  const std::string& model_name() const;
  /// The arithmetic in use: "f32", "bf16" or "int8".
  std::string_view dtype() const;
  /// False: vocab.json and merges.txt are not there; captions have tokens but no text.
  bool has_vocabulary() const;
  /// Seconds of a segment.
  double segment_duration_s() const;
  /// The model's search defaults (generation_config.json over LP-MusicCaps').
  const GenerationOptions& default_generation() const;

  /// Captions one file.
  /// @throws Error when it cannot be read or decoded
  FileCaptions caption(const std::filesystem::path& file, const CaptionOptions& options = {});
  FileCaptions caption(const std::filesystem::path& file, const CaptionOptions& options,
                       const GenerationOptions& generation);

  /// Captions many files; their segments share one decoding batch, and memory does not grow with
  /// the number or the length of files.
  struct Batch {
    /// The next file, or nothing. Called on another thread, one call at a time.
    std::function<std::optional<AudioInput>()> next_file;
    /// Takes each file's captions, or its failure, in the order of next_file.
    std::function<void(FileCaptions&&)> on_file;
    std::function<void(const CaptionProgress&)> on_progress;  ///< may be empty
    std::stop_token stop;
  };
  /// @throws Error(cancelled) when batch.stop is requested: files handed to on_file before are
  /// whole, the others are not begun or dropped
  void caption_files(const Batch& batch, const CaptionOptions& options, const GenerationOptions& generation);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What LP-MusicCaps calls use_nucleus_sampling: beam-sample with the 4 beams of BART's config,
/// top_p 0.9, top_k 50, repetition_penalty 1.1.
GenerationOptions original_sampling(const GenerationOptions& base);

}  // namespace lpmc
