#pragma once

// Private to captioning: what Captioner and CaptionService run.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/audio/log_mel.h"
#include "lpmc/captioning/captions.h"
#include "lpmc/captioning/scheduler.h"
#include "lpmc/generation/generate.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/text/bpe_tokenizer.h"

namespace lpmc {

/// A model, opened and packed for one arithmetic. Immutable.
struct CaptionModel {
  /// As Captioner's constructor.
  CaptionModel(std::string_view model, const std::filesystem::path& tokenizer_folder, std::string_view dtype);

  CaptionNetwork network() const { return {&*audio_encoder, &*encoder, &*decoder}; }
  /// Token ids as captions; without text where the model has no vocabulary. Any thread.
  std::vector<Candidate> candidates_of(std::vector<Hypothesis>&& hypotheses) const;

  std::string name;  ///< as it was asked for
  DType arithmetic = DType::f32;
  ModelConfig config;
  GenerationOptions generation;
  std::optional<BpeTokenizer> tokenizer;
  std::optional<LogMel> log_mel;
  std::optional<AudioEncoder> audio_encoder;
  std::optional<BartEncoder> encoder;
  std::optional<BartDecoder> decoder;
};

/// Rows that keep the products compute-bound on common machines; more only costs memory.
inline constexpr int kDefaultBatchSize = 16;

}  // namespace lpmc
